"""`bundler verify`: whether a bundle, or a packed one, still is what was built."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bundler.cli.options.access import LimitOption, limits_of
from bundler.cli.options.signing import KeyOption, signed_document, trusted_key
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note
from bundler.cli.output.progress import ProgressOptions
from bundler.cli.output.report import ReportOptions
from bundler.errors import DifferenceError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bundler import Change, Lock, Verified
    from bundler.reproducible.project_lock import ProjectLock

VerifiedArgument = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE|FILE", help="The directory of a bundle or of a project, or a packed one.", readable=False
    ),
]
# What a copy has of who makes it, and when.
_ANEW: Final = frozenset(("uid", "gid", "time", "nlink"))


@spread
def verify(
    bundle: VerifiedArgument,
    *,
    lock: Annotated[
        Path | None,
        typer.Option("--lock", metavar="FILE", help="Hold image, profile, target and overrides against a lock, too."),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare each file in rootfs.erofs with rootfs.mtree, not its digest alone.")
    ] = False,
    key: KeyOption = None,
    limit: LimitOption = None,
    reporting: ReportOptions,
    waiting: ProgressOptions,
) -> None:
    """Print what in BUNDLE, or in the packed FILE, is not as it was built.

    The files of rootfs/ are compared with rootfs.mtree in its keywords (missing, extra, changed: expected, found),
    others with their digests in bundler.json. Volumes may change. Nothing of FILE is unpacked. Exit code 0: the same,
    6: not. A terminal is told how many files are the same. A FILE of `bundler backup` is held against its own list.

    Of a project all bundles are compared, and what lies around them with project.json.
    """
    import bundler

    report = reporting.of("verify")
    # What a lock needs takes as long to import as a small bundle to verify.
    with waiting.bars() as bars:
        trusted = trusted_key(key)
        locked = None if lock is None else _locked(lock)
        limits = limits_of(limit)
        verified = bundler.verify(bundle, lock=locked, limits=limits, progress=bars, deep=deep, trusted=trusted)
    if report is not None:
        report.show(_plain(verified))
    else:
        for change in verified.changes:
            for line in _lines(change):
                typer.echo(line)
        for sentence in _remarks(bundle, verified, quiet=waiting.quiet):
            note(sentence)
        if not verified.changes and not waiting.quiet and sys.stdout.isatty():
            typer.echo(f"ok: {verified.files} files")
    if verified.changes:
        raise typer.Exit(DifferenceError.exit_code)


def _locked(file: Path) -> "Lock | ProjectLock":
    from bundler.reproducible.project_lock import load_any_lock

    return load_any_lock(file)


def _remarks(bundle: Path, verified: "Verified", *, quiet: bool) -> "Iterator[str]":
    """What a person is told besides what differs."""
    from bundler.bundles.rootfs_image import IMAGE, WRITTEN, is_written_over

    if verified.unread:
        yield f"{verified.unread} files could not be read by this user"
    if quiet:
        return
    if verified.signed is not None:
        comment = "" if verified.signed.comment is None else f", with the words: {verified.signed.comment}"
        yield f"signed by the key {verified.signed.key}{comment}"
    if is_copy(verified.changes):
        yield "no content differs: a copy by cp -r looks like this; cp -a, rsync -aHAX and bundler pack keep it all"
    if is_written_over(bundle):
        yield f"what was written over {IMAGE} is in {WRITTEN}, and nothing says what it should be"


def is_copy(changes: "Sequence[Change]") -> bool:
    """Whether all that differs is what a copy loses unless it is told to keep it."""
    return bool(changes) and all(
        change.what == "changed" and change.keywords and all(_is_lost(*each) for each in change.keywords.items())
        for change in changes
    )


def _is_lost(keyword: str, values: tuple[str | None, str | None]) -> bool:
    """A copy has the owner and the time of its making, and never more permissions than there were."""
    expected, found = values
    if keyword == "mode" and expected is not None and found is not None:
        return not int(found, 8) & ~int(expected, 8)
    return keyword in _ANEW or (found is None and (keyword == "hardlink" or keyword.startswith("xattr.")))


def _lines(change: "Change") -> list[str]:
    """`missing: ./etc/motd`; below a `changed` one, each keyword on a line of its own."""
    head = f"{change.what}: {printable(change.path)}"
    return [head] + [
        f"    {keyword}: expected {_shown(expected)}, found {_shown(found)}"
        for keyword, (expected, found) in change.keywords.items()
    ]


def _shown(value: str | None) -> str:
    return "none" if value is None else printable(value)


def _plain(verified: "Verified") -> dict[str, object]:
    return {
        "document": verified.document,
        "digest": verified.digest,
        "files": verified.files,
        "unread": verified.unread,
        **({} if verified.signed is None else {"signed": signed_document(verified.signed)}),
        "changes": [_plain_change(change) for change in verified.changes],
    }


def _plain_change(change: "Change") -> dict[str, object]:
    keywords = {
        keyword: {"expected": expected, "found": found} for keyword, (expected, found) in change.keywords.items()
    }
    return {"path": change.path, "what": change.what} | ({"keywords": keywords} if keywords else {})
