"""The formats of a packed bundle, one row each: told by the end of the file's name, made from the entries of one
archive.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from bundler.archives.compressors import GZIP, PLAIN, ZSTD, Compressing
from bundler.archives.entry import Entry
from bundler.archives.stream import Content
from bundler.archives.tar_writer import END, UnwritableError, encode_entry, padding
from bundler.bundles.file_systems import write_erofs, write_squashfs
from bundler.errors import BundlerError, RequestError, printable

_BUFFER: Final = 1 << 20
_AHEAD: Final = 3  # buffers that wait for compression, while the next files are read


@dataclass(frozen=True, slots=True)
class Format:
    """`suffixes` are the ends of names that mean it. `write` makes the new file out of entries, in order, each with
    what is to be stored for it; it takes the level and the time that a format wants for itself (seconds).

    What `write` gives is a remark for people about what the format could not hold. It raises OSError and BundlerError.
    `is_image` says that a program makes the file, so that it is worth a look.
    """

    suffixes: tuple[str, ...]
    levels: range
    usual: int
    write: Callable[[Iterable[tuple[Entry, Iterable[Content]]], Path, int, int], str | None] = field(repr=False)
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


def _write_tar(
    compressing: Compressing,
    entries: Iterable[tuple[Entry, Iterable[Content]]],
    file: Path,
    level: int,
    _made_at: int,
    *,
    old: bool = False,
) -> None:
    """`old` is for readers that know neither PAX records nor sparse files."""
    with _compressed(compressing, file, level) as write:
        for found, stored in entries:
            entry, content = _without_holes(found, stored) if old and found.sparse is not None else (found, stored)
            try:
                write(encode_entry(entry, old=old))
            except UnwritableError as error:
                raise BundlerError(f"{printable(entry.name)} cannot be packed: {error}") from None
            for part in content:
                write(part)
            write(padding(entry.stored_size))
        write(END)


def _without_holes(entry: Entry, stored: Iterable[Content]) -> tuple[Entry, Iterable[Content]]:
    """The same file with its zeros written out."""

    def content() -> Iterator[Content]:
        parts, end = iter(stored), 0
        for start, length in (*(entry.sparse or ()), (entry.size, 0)):
            yield from _zeros(start - end)
            end = start
            while end < start + length:
                part = next(parts)
                end += len(part)
                yield part

    return replace(entry, sparse=None, stored_size=entry.size), content()


def _zeros(count: int) -> Iterator[bytes]:
    for at in range(0, count, _BUFFER):
        yield bytes(min(_BUFFER, count - at))


@contextmanager
def _compressed(compressing: Compressing, file: Path, level: int) -> Iterator[Callable[[Content], None]]:
    """Takes the bytes of a new file, which has the mode that the umask leaves."""
    compressor = compressing.start(level)
    waiting = bytearray()
    pending: deque[Future[None]] = deque()
    with open(file, "xb", buffering=0) as stream, ThreadPoolExecutor(1) as aside:  # noqa: PTH123 -- writes are large

        def put(compressed: bytes | bytearray) -> None:
            view = memoryview(compressed)
            while view:
                view = view[stream.write(view) or 0 :]

        def compress(content: bytearray) -> None:
            put(compressor.compress(content))

        def write(content: Content) -> None:
            nonlocal waiting
            # Headers are small; a call for each of them costs more than compressing them.
            waiting += content
            if len(waiting) >= _BUFFER:
                pending.append(aside.submit(compress, waiting))
                waiting = bytearray()
            if len(pending) > _AHEAD:
                pending.popleft().result()

        yield write
        for done in (*pending, aside.submit(compress, waiting)):
            done.result()
        put(compressor.flush())


def _row(compressing: Compressing, *suffixes: str) -> Format:
    return Format(suffixes, compressing.levels, compressing.usual, partial(_write_tar, compressing))


FORMATS: Final = (
    _row(ZSTD, ".tar.zst", ".tzst"),
    _row(GZIP, ".tar.gz", ".tgz"),
    _row(PLAIN, ".tar"),
    Format((".squashfs", ".sqfs"), range(1, 23), 9, write_squashfs, is_image=True),
    Format((".erofs",), range(1), 0, write_erofs, is_image=True),
)
# What busybox can unpack; `bundler pack --kit` alone writes it.
FOR_KITS: Final = Format((".tar.gz",), GZIP.levels, GZIP.usual, partial(_write_tar, GZIP, old=True))
