"""What people see: rows as a table on a terminal or as aligned lines in a pipe; notes and warnings beside them."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import typer

from bundler.cli.output.progress import clear_line
from bundler.cli.output.terminal import columns_of, has_colours, padded, width
from bundler.errors import brief, printable

if TYPE_CHECKING:
    from bundler.conversion.convert import ConvertedConfig
    from bundler.overrides.imports import Imported

_WIDEST: Final = 120  # columns of a column in a pipe; a longer cell pushes the rest of its line to the right
_SHORT: Final = 12
_NARROWEST: Final = 14  # columns that a column of a table has on average, or it is no table


def show_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print `rows` to standard output, on a terminal below `header`.

    Cells may hold what an image chose: they are made printable here.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        _print(aligned(cells))
        return
    columns, table = columns_of(sys.stdout), aligned([header, *cells], widest=None)
    if max(map(width, table)) <= columns:
        _print([_bold(table[0]), *table[1:]])
    elif columns < _NARROWEST * len(header):
        _print(_stacked(header, cells))
    else:
        _draw(header, cells, columns)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def aligned(rows: Sequence[Sequence[str]], *, widest: int | None = _WIDEST) -> list[str]:
    """`rows` as lines whose columns begin below each other."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    limited = widths if widest is None else [min(each, widest) for each in widths]
    return ["  ".join(padded(cell, each) for cell, each in zip(row, limited, strict=True)).rstrip() for row in rows]


def _stacked(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Each row as a paragraph, for a terminal that is too narrow for columns."""
    for number, row in enumerate(rows):
        if number:
            yield ""
        for name, cell in zip(header, row, strict=True):
            if cell:
                yield f"{_bold(name)}: {cell}" if name else cell


def _bold(text: str) -> str:
    return typer.style(text, bold=True) if has_colours(sys.stdout) else text


def _draw(header: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console(width=columns, color_system="standard" if has_colours(sys.stdout) else None).print(table)


def short(digest: str) -> str:
    """The first twelve digits of a digest, which people know it by."""
    return digest.partition(":")[2][:_SHORT]


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
