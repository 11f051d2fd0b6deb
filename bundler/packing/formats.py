"""The formats of a packed bundle, one row each: told by the end of the file's name, made from the entries of one
archive.
"""

from collections.abc import Callable
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Final

from bundler.archives.compressors import GZIP, PLAIN, ZSTD, Compressing
from bundler.archives.packed_names import EROFS, SQUASHFS
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.packing.file_systems import write_erofs, write_squashfs
from bundler.packing.tar_file import SourceEntries, write_tar
from bundler.progress import Meter


@dataclass(frozen=True, slots=True)
class Format:
    """`suffixes` are the ends of names that mean it. `write` makes the new file out of entries; it takes the level, the
    time that a format wants for itself (seconds), and a meter for the bytes of the files that have gone by.

    What `write` gives is a remark for people about what the format could not hold. It raises OSError and BundlerError.
    `is_image` says that a program makes the file, so that it is worth a look.
    """

    suffixes: tuple[str, ...]
    levels: range
    usual: int
    write: Callable[[SourceEntries, Path, int, int, Meter], str | None] = field(repr=False)
    is_image: bool = False


def format_of(file: Path) -> Format:
    """The format that the name asks for. Raises RequestError."""
    for row in FORMATS:
        if file.name.endswith(row.suffixes):
            return row
    known = ", ".join(row.suffixes[0] for row in FORMATS)
    raise RequestError(f"{printable(str(file))}: the name does not say the format", hint=f"let it end in {known}")


def choose_level(chosen: Format, level: int | None) -> int:
    """How hard to compress. Raises RequestError for a level that the format has not got."""
    if level is None:
        return chosen.usual
    if level not in chosen.levels or len(chosen.levels) == 1:
        there = f"from {chosen.levels[0]} to {chosen.levels[-1]}" if len(chosen.levels) > 1 else "none"
        raise RequestError(f"--level: {level} is no level of {chosen.suffixes[0]}", hint=f"its levels: {there}")
    return level


def _row(compressing: Compressing) -> Format:
    suffixes = compressing.format.endings
    return Format(suffixes, compressing.levels, compressing.usual, partial(write_tar, compressing))


FORMATS: Final = (
    _row(ZSTD),
    _row(GZIP),
    _row(PLAIN),
    Format(SQUASHFS, range(1, 23), 9, write_squashfs, is_image=True),
    Format(EROFS, range(1), 0, write_erofs, is_image=True),
)
# What busybox can unpack; `bundler pack --kit` alone writes it.
FOR_KITS: Final = Format((".tar.gz",), GZIP.levels, GZIP.usual, partial(write_tar, GZIP, old=True))
