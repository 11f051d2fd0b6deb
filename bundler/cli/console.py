"""What people see: rows as a table on a terminal or as aligned lines in a pipe; notes and warnings beside them."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from bundler.cli.progress import clear_line
from bundler.errors import brief, printable

if TYPE_CHECKING:
    from bundler.conversion.convert import ConvertedConfig
    from bundler.overrides.imports import Imported

_WIDEST = 120  # characters of a column in a pipe; a longer cell pushes the rest of its line to the right


def show_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print `rows` to standard output. Cells may hold what an image chose: they are made printable here."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(header, cells)
        return
    for line in aligned(cells):
        typer.echo(line)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """`rows` as lines whose columns begin below each other."""
    widths = [min(max(map(len, column)), _WIDEST) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _draw(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)


def remark(runtime_config: "ConvertedConfig", *, quiet: bool) -> None:
    """A line for each remark of an importer, for each warning, and one for all keys that mean nothing; silent when
    `quiet`.
    """
    if quiet:
        return
    note_imported(runtime_config.remarks)
    for warning in runtime_config.warnings:
        tell(f"warning: {warning}")
    note_without_meaning(runtime_config.without_meaning)


def tell(line: str) -> None:
    """A line on standard error, above the bar. What cannot be told keeps no work from being done."""
    clear_line()
    with suppress(OSError):
        typer.echo(f"bundler: {brief(line)}", err=True)


def note(sentence: str) -> None:
    """A line on standard error that also a quiet command prints."""
    tell(f"note: {sentence}")


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
        tell(sentence)


def remark_skipped(skipped: Mapping[str, int], *, quiet: bool) -> None:
    """A line for what no user can make, and one or two for all that an ordinary user could not."""
    from bundler.rootfs.owners import NOT_OWNED, UNKNOWN_XATTRS

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
