"""What people see: rows as a table on a terminal or as aligned lines in a pipe; notes, warnings and bars.

Notes and warnings go to standard error. Bars, one for each layer, are drawn on a terminal only.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from bundler.errors import brief, printable
from bundler.progress import SILENT, Meter, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

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
        typer.echo(f"bundler: warning: {brief(warning)}", err=True)
    note_without_meaning(runtime_config.without_meaning)


def note(sentence: str) -> None:
    """A line on standard error that also a quiet command prints."""
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


@contextmanager
def shown_progress(*, wanted: bool) -> Iterator[Progress]:
    """Bars on standard error for as long as the context lasts, or a silent Progress."""
    if not wanted:
        yield SILENT
        return
    with ExitStack() as stack:
        yield _Shown(stack)


class _Shown:
    """Bars that are loaded and drawn from the first measure on: most commands on small images have none."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    @cached_property
    def _bars(self) -> "Bars":
        from rich import progress
        from rich.console import Console

        columns: tuple[Any, ...] = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.DownloadColumn(binary_units=True),
            progress.TransferSpeedColumn(),
        )
        return self._stack.enter_context(progress.Progress(*columns, console=Console(stderr=True)))

    @contextmanager
    def measure(self, label: str, total: int | None) -> Iterator[Meter]:
        task = self._bars.add_task(label, total=total)
        yield lambda count: self._bars.advance(task, count)
        self._bars.stop_task(task)
