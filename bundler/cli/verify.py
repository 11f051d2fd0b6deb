"""`bundler verify`: whether a bundle still is what was built."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.errors import printable

if TYPE_CHECKING:
    from bundler.bundles.verification import Change

_DIFFERS = 6


def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's directory.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print what in BUNDLE is no longer as it was built.

    The files of rootfs/ are compared with rootfs.mtree in its keywords (missing, extra, changed: expected, found),
    config.json, rootfs.mtree and the files of hooks/ with their digests in bundler.json. Volumes may change. Exit
    code 0: the same, 6: not.
    """
    from bundler.bundles.verification import Verification  # noqa: PLC0415

    verification = Verification(bundle)
    changes = []
    for change in verification.changes():
        if as_json:
            changes.append(_plain(change))
        else:
            changes.append({})
            for line in _lines(change):
                typer.echo(line)
    if as_json:
        document = {"bundler.json": verification.digest, "unread": verification.unread, "changes": changes}
        typer.echo(json.dumps(document, indent=2))
    elif verification.unread:
        typer.echo(f"bundler: note: {verification.unread} files could not be read by this user", err=True)
    if changes:
        raise typer.Exit(_DIFFERS)


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
