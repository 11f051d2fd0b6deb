"""A packed bundle that is a tar archive, compressed or not.

One process reads the files, hashes them and makes the archive of them, another compresses and writes it: in one, the
threads that compress would wait for the interpreter's lock, which reading many small files takes most of the time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

from bundler.archives.compressors import Compressing
from bundler.archives.entry import Entry, StoredEntry
from bundler.archives.stream import Content
from bundler.archives.tar_writer import END, UnwritableError, encode_entry, padding
from bundler.bundles.files import WrittenOut
from bundler.errors import BundlerError, printable
from bundler.packing.bundle_entries import BundleEntries
from bundler.packing.project_entries import ProjectEntries
from bundler.progress import Meter
from bundler.workers.batches import LARGEST_CONTENT, Item
from bundler.workers.process import processors, read_apart

SourceEntries = BundleEntries | ProjectEntries
_SOURCES: Final[Mapping[str, type[SourceEntries]]] = {
    source.__name__: source for source in (BundleEntries, ProjectEntries)
}
_READER: Final = "the process that reads the bundle"
_ZEROS: Final = 1 << 20  # bytes of a hole at a time


def write_tar(
    compressing: Compressing,
    entries: SourceEntries,
    file: Path,
    level: int,
    _made_at: int,
    meter: Meter,
    *,
    old: bool = False,
) -> None:
    """Make the new `file`. `old` is for readers that know neither PAX records nor sparse files.

    Raises OSError, BundlerError and what `entries` raises.
    """
    with compressed(compressing, file, level) as write:

        def take(block: Content, read: int) -> None:
            write(block)
            meter(read)

        task = type(entries).__name__, entries.task, old
        if processors() == 1:
            _send(_Taker(take), *task)
            return
        with read_apart(_READER, _send, task) as blocks:
            for at, size, read in blocks:
                take(blocks.content(at, size), read)


class _Blocking(Protocol):
    """Takes blocks, as a Sender does."""

    def room(self, size: int) -> tuple[int, memoryview]: ...
    def send(self, item: Item) -> None: ...


class _Taker:
    """Stands in for a Sender where there is only one process: blocks are used at once."""

    def __init__(self, take: Callable[[Content, int], None]) -> None:
        self._take = take
        self._memory = memoryview(bytearray(LARGEST_CONTENT))

    def room(self, size: int) -> tuple[int, memoryview]:
        return 0, self._memory[:size]

    def send(self, item: Item) -> None:
        at, size, read = item
        self._take(self._memory[at : at + size], read)


def _send(sender: _Blocking, source: str, task: Any, old: bool) -> None:
    """The archive, in blocks of shared memory."""
    blocks = _Blocks(sender)
    holes = WrittenOut(
        "the archive of a kit", "make the file smaller, or pack the bundle as .tar.zst, which keeps holes"
    )
    entries: Iterable[StoredEntry] = _SOURCES[source].of(task)
    for found, stored in entries:
        entry, content = found, stored
        if old and found.sparse is not None:
            holes.add(found.name.removeprefix(b"./"), found.size, sum(length for _, length in found.sparse))
            entry, content = _without_holes(found, stored)
        try:
            blocks.write(encode_entry(entry, old=old))
        except UnwritableError as error:
            raise BundlerError(f"{printable(entry.name)} cannot be packed: {error}") from None
        for part in content:
            blocks.write(part)
            blocks.read += len(part)
        blocks.write(padding(entry.stored_size))
        if entry.sparse is not None:
            blocks.read += entry.size - entry.stored_size
    blocks.write(END)
    blocks.send()


class _Blocks:
    """Gathers what is written into blocks for the other process, and counts the bytes that were read for them."""

    def __init__(self, sender: _Blocking) -> None:
        self._sender = sender
        self._begin()

    def _begin(self) -> None:
        self._at, self._room = self._sender.room(LARGEST_CONTENT)
        self._used = 0
        self.read = 0

    def write(self, content: Content) -> None:
        end = self._used + len(content)
        if end > LARGEST_CONTENT:
            free = LARGEST_CONTENT - self._used
            self.write(content[:free])
            self.send()
            self._begin()
            self.write(content[free:])
            return
        self._room[self._used : end] = content
        self._used = end

    def send(self) -> None:
        self._sender.send((self._at, self._used, self.read))


def _without_holes(entry: Entry, stored: Iterable[Content]) -> StoredEntry:
    """A file with its zeros written out."""

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
    for at in range(0, count, _ZEROS):
        yield bytes(min(_ZEROS, count - at))


@contextmanager
def compressed(compressing: Compressing, file: Path, level: int) -> Iterator[Callable[[Content], None]]:
    """A function that compresses bytes into a new file, with the mode that the umask leaves."""
    compressor = compressing.start(level)
    with open(file, "xb", buffering=0) as stream:  # noqa: PTH123 -- writes are large

        def put(compressed: Content) -> None:
            view = memoryview(compressed)
            while view:
                view = view[stream.write(view) or 0 :]

        yield lambda content: put(compressor.compress(content))
        put(compressor.flush())
