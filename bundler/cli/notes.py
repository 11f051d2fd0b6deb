"""What a build has to say besides its result: warnings, and keys without meaning. On standard error."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from bundler.errors import brief

if TYPE_CHECKING:
    from bundler.conversion.convert import RuntimeConfig
    from bundler.overrides.imports import Imported


def remark(runtime_config: "RuntimeConfig", *, quiet: bool) -> None:
    """A line for each remark of an importer, for each warning, and one for all keys that mean nothing; silent when
    `quiet`.
    """
    if quiet:
        return
    note_imported(runtime_config.remarks)
    for warning in runtime_config.warnings:
        typer.echo(f"bundler: warning: {brief(warning)}", err=True)
    note_without_meaning(runtime_config.without_meaning)


def note(sentence: str) -> None:
    """What somebody wants to know who waits, also where nothing else is said."""
    typer.echo(f"bundler: note: {brief(sentence)}", err=True)


def note_without_meaning(keys: str) -> None:
    """One line for all keys of overrides files that mean nothing for a bundle; none when there are none."""
    if keys:
        note(f"without meaning for a bundle: {keys}")


def show_imported(imported: "Imported") -> None:
    """An overrides file on standard output, and beside it what its importer remarked."""
    note_imported(imported.remarks)
    typer.echo(imported.text, nl=False)


def note_imported(remarks: Sequence[str]) -> None:
    """A line for each remark of an importer."""
    for sentence in remarks:
        typer.echo(f"bundler: {brief(sentence)}", err=True)


def remark_skipped(skipped: Mapping[str, int], *, quiet: bool) -> None:
    """A line for what nobody can make, and one or two for all that an ordinary user could not."""
    from bundler.rootfs.owners import NOT_OWNED, UNKNOWN_XATTRS  # noqa: PLC0415

    if quiet:
        return
    sentences = {
        UNKNOWN_XATTRS: "left out of the rootfs",
        "": "without root, left out of the rootfs",
        NOT_OWNED: "without root, the container's root owns",
    }
    told: dict[str, list[str]] = {sentence: [] for sentence in sentences.values()}
    for what, count in sorted(skipped.items()):
        told[sentences.get(what, sentences[""])] += [f"{count} {what}"] if count else []
    for sentence, counts in told.items():
        if counts:
            note(f"{sentence}: {', '.join(counts)}")
