"""`bundler verify`: whether a bundle, or a packed one, still is what was built."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.console import shown_progress
from bundler.cli.options import LimitOption, QuietOption, limits_of
from bundler.errors import RequestError, printable

if TYPE_CHECKING:
    from bundler.bundles.comparison import Change
    from bundler.reproducible.lock import Lock
    from bundler.upkeep.backup_verification import BackupVerification

_DIFFERS = 6


def verify(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE|FILE", help="The bundle's directory, or a packed one.", readable=False)
    ],
    *,
    lock: Annotated[
        Path | None,
        typer.Option("--lock", metavar="FILE", help="Hold image, profile, target and overrides against a lock, too."),
    ] = None,
    limit: LimitOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Print what in BUNDLE, or in the packed FILE, is not as it was built.

    The files of rootfs/ are compared with rootfs.mtree in its keywords (missing, extra, changed: expected, found),
    others with their digests in bundler.json. Volumes may change. Nothing of FILE is unpacked. Exit code 0: the same,
    6: not. A FILE of `bundler backup` is held against its own list of files.
    """
    from bundler.bundles.comparison import Change
    from bundler.bundles.stage_folder import finish_replacement
    from bundler.bundles.verification import Verification
    from bundler.packing.packed import open_packed
    from bundler.packing.verification import PackedVerification
    from bundler.upkeep.backup_verification import DOCUMENT, BackupVerification

    finish_replacement(bundle)
    locked = None if lock is None else _load(lock)
    verification: Verification | PackedVerification
    with ExitStack() as stack:
        if bundle.is_dir() or not bundle.exists():
            verification = Verification(bundle)
        else:
            progress = stack.enter_context(shown_progress(wanted=not quiet and sys.stderr.isatty()))
            packed = stack.enter_context(open_packed(bundle, limits_of(limit)))
            if packed.first_document() == DOCUMENT.encode():
                _verify_backup(BackupVerification(packed, progress), locked, as_json=as_json)
                return
            verification = PackedVerification(packed, progress)
        differing = {} if locked is None else locked.differences(verification.recorded.document)
        changes = [Change("bundler.json", "not as locked", differing)] if differing else []
        changes += verification.changes()
    _print("bundler.json", verification.recorded.digest, changes, verification.unread, as_json=as_json)
    if changes:
        raise typer.Exit(_DIFFERS)


def _verify_backup(verification: "BackupVerification", locked: "Lock | None", *, as_json: bool) -> None:
    if locked is not None:
        raise RequestError("--lock is about a bundle, and this is a backup")
    changes = list(verification.changes())
    _print("backup.json", verification.digest, changes, verification.unread, as_json=as_json)
    if changes:
        raise typer.Exit(_DIFFERS)


def _load(lock: Path) -> "Lock":
    # What a lock needs takes as long to import as a small bundle to verify.
    from bundler.reproducible.lock import load_lock

    return load_lock(lock)


def _print(name: str, digest: str, changes: "list[Change]", unread: int, *, as_json: bool) -> None:
    """`digest` is that of the document `name`, with which trust begins."""
    if as_json:
        document = {
            name: digest,
            "unread": unread,
            "changes": [_plain(change) for change in changes],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    for line in (line for change in changes for line in _lines(change)):
        typer.echo(line)
    if unread:
        typer.echo(f"bundler: note: {unread} files could not be read by this user", err=True)


def _lines(change: "Change") -> list[str]:
    """`missing: ./etc/motd`; below a `changed` one, each keyword on a line of its own."""
    head = f"{change.what}: {printable(change.path)}"
    return [head] + [
        f"    {keyword}: expected {_shown(expected)}, found {_shown(found)}"
        for keyword, (expected, found) in change.keywords.items()
    ]


def _shown(value: str | None) -> str:
    return "none" if value is None else printable(value)


def _plain(change: "Change") -> dict[str, object]:
    keywords = {
        keyword: {"expected": expected, "found": found} for keyword, (expected, found) in change.keywords.items()
    }
    return {"path": change.path, "what": change.what} | ({"keywords": keywords} if keywords else {})
