"""Rows of text: a table on a terminal, aligned lines in a pipe."""

import sys
from collections.abc import Sequence

import typer

from bundler.errors import printable

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
    from rich.console import Console  # noqa: PLC0415  (drawing costs 100 ms that a pipe need not pay)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)
