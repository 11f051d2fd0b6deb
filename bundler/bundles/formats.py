"""The formats of a packed bundle, one row each: told by the end of the file's name, fed with the bytes of one tar
archive, which every format is made from.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bundler.archives.compressors import GZIP, PLAIN, ZSTD, Compressing
from bundler.errors import RequestError, printable

_BUFFER: Final = 1 << 18


@dataclass(slots=True)
class Sink:
    """Takes the archive's bytes. Once its context has ended well, `sha256` (hex) and `size` are those of the file."""

    write: Callable[[bytes], None]
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Format:
    """`suffixes` are the ends of names that mean it; `open` gives the sink that writes the new file."""

    suffixes: tuple[str, ...]
    levels: range
    usual: int
    open: Callable[[Path, int], AbstractContextManager[Sink]] = field(repr=False)


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


@contextmanager
def _compressed(compressing: Compressing, file: Path, level: int) -> Iterator[Sink]:
    """A new file of compressed bytes, with the mode that the umask leaves."""
    compressor = compressing.start(level)
    digest = hashlib.sha256()
    waiting = bytearray()
    with open(file, "xb", buffering=0) as stream:  # noqa: PTH123 -- every write below is a large one

        def put(content: bytes) -> None:
            digest.update(content)
            while content:
                content = content[stream.write(content) or 0 :]

        def write(content: bytes) -> None:
            # Headers are small; a call for each of them costs more than compressing them.
            if len(content) >= _BUFFER and not waiting:
                put(compressor.compress(content))
                return
            waiting.extend(content)
            if len(waiting) >= _BUFFER:
                put(compressor.compress(bytes(waiting)))
                waiting.clear()

        sink = Sink(write)
        yield sink
        put(compressor.compress(bytes(waiting)) + compressor.flush())
        sink.sha256, sink.size = digest.hexdigest(), os.fstat(stream.fileno()).st_size


def _row(compressing: Compressing, *suffixes: str) -> Format:
    return Format(
        suffixes, compressing.levels, compressing.usual, lambda file, level: _compressed(compressing, file, level)
    )


FORMATS: Final = (
    _row(ZSTD, ".tar.zst", ".tzst"),
    _row(GZIP, ".tar.gz", ".tgz"),
    _row(PLAIN, ".tar"),
)
