"""The entries of a layer and what is stored for them, read in a process of its own where that is faster.

Reading a layer and making its files cost about the same when there are many of them, so each gets a processor:

    stored bytes -> digest -> decompress -> diff_id -> tar entries -> sha256 of small files   in the other process
    limits -> changeset -> tree                                                               in this one

Content goes through shared memory. A process costs some milliseconds, so small layers are read in this one.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from bundler.archives.entry import REGULAR, Entry
from bundler.archives.read_apart import LARGEST_CONTENT, Item, Receiver, Sender, read_apart
from bundler.archives.stream import Content
from bundler.archives.tar import TarReader
from bundler.images.counted_stream import Count, CountedStream, Stored
from bundler.images.image import Layer
from bundler.images.layer_stream import open_layer
from bundler.limits import Limits

# Layers whose stored bytes are fewer are read by this process.
SMALLEST_APART: Final = 4 << 20
_CHUNK: Final = 1 << 20
# An entry's names, and so its weight, are usually too few to be counted.
_LONG: Final = 1024


class LayerEntries(Protocol):
    """Iterates over the entries, once; the layer is good when that ends. `content` is of the current one.

    Both raise ImageError, naming the layer, for what is wrong with it, and whatever the Count raises.
    """

    def __iter__(self) -> Iterator[Entry]: ...

    def content(self) -> Iterable[Content]:
        """What is stored for the current entry, in pieces that are good until the next one."""
        ...


@contextmanager
def open_entries(layer: Layer, count: Count, limits: Limits, *, hashed: bool = False) -> Iterator[LayerEntries]:
    """`hashed` says that the sha256 of files will be asked for: then entries may have it already."""
    if layer.blob.size < SMALLEST_APART or len(os.sched_getaffinity(0)) == 1:
        with _opened(layer, count, limits) as entries:
            yield entries
        return
    with read_apart(lambda sender: _send(sender, layer, limits, hashed=hashed)) as receiver:
        yield _Received(receiver, count)


class _Read:
    """Entries that this process reads."""

    def __init__(self, stream: CountedStream, limits: Limits) -> None:
        self._stream = stream
        self._reader = TarReader(stream, limits=limits)
        self.content = self._reader.content

    def __iter__(self) -> Iterator[Entry]:
        yield from self._reader
        self._stream.finish()


@contextmanager
def _opened(layer: Layer, count: Count, limits: Limits) -> Iterator[_Read]:
    stored = Stored()
    with open_layer(layer, stored) as stream:
        yield _Read(CountedStream(stream, stored, count), limits)


# --- what the other process sends: numbers, and what follows them ---

_COUNTED: Final = 0  # stored bytes, uncompressed bytes
_WHOLE: Final = 1  # an entry's fields, its sha256, where its content lies, how much that is
_BEGUN: Final = 2  # an entry's fields; pieces follow
_PIECE: Final = 3  # where it lies, how much it is
_ENDED: Final = 4  # the sha256 of the pieces


def _send(sender: Sender, layer: Layer, limits: Limits, *, hashed: bool) -> None:
    def count(stored: int, size: int) -> None:
        sender.send((_COUNTED, stored, size))

    with _opened(layer, count, limits) as entries:
        for entry in entries:
            weight = len(entry.name) + len(entry.link_name)
            if entry.xattrs or entry.sparse:
                weight += _CHUNK  # goes out at once, since nobody has measured it
            weight = weight if weight > _LONG else 0
            # The hash of a sparse file is one of its holes, too: that is for who makes them.
            wanted = hashed and entry.kind == REGULAR and entry.sparse is None
            if entry.stored_size > LARGEST_CONTENT:
                sender.send((_BEGUN, _fields(entry), wanted), weight)
                _send_pieces(sender, entries.content(), wanted=wanted)
            else:
                at, room = _place(sender, entry.stored_size, entries.content())
                sha256 = hashlib.sha256(room).hexdigest() if wanted else None
                sender.send((_WHOLE, _fields(entry), sha256, at, entry.stored_size), weight)


def _place(sender: Sender, size: int, content: Iterable[Content]) -> tuple[int, memoryview]:
    """Where the whole of a file's content now lies, and the content itself."""
    at, room = sender.room(size)
    filled = 0
    for piece in content:
        end = filled + len(piece)
        room[filled:end] = piece
        filled = end
    return at, room


def _send_pieces(sender: Sender, content: Iterable[Content], *, wanted: bool) -> None:
    digest = hashlib.sha256()
    for piece in content:
        at, room = sender.room(len(piece))
        room[:] = piece
        sender.send((_PIECE, at, len(piece)))
        if wanted:
            digest.update(room)
    sender.send((_ENDED, digest.hexdigest()))


def _fields(entry: Entry) -> Item:
    """What `Entry` takes, in its order."""
    return (
        entry.name,
        entry.kind,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.size,
        entry.stored_size,
        entry.offset,
        entry.mtime,
        entry.atime,
        entry.link_name,
        entry.device,
        entry.xattrs,
        entry.sparse,
    )


class _Taken:
    """A sha256 that the other process takes; it is there once the content is."""

    def __init__(self, sha256: str = "") -> None:
        self.sha256 = sha256

    def update(self, content: Content, /) -> None:
        pass

    def hexdigest(self) -> str:
        return self.sha256


class _Received:
    """Entries that another process reads."""

    def __init__(self, receiver: Receiver, count: Count) -> None:
        self._receiver = receiver
        self._items = self._counted(count)
        self._current: Item = ()
        self._digest = _Taken()

    def _counted(self, count: Count) -> Iterator[Item]:
        for item in self._receiver:
            if item[0] == _COUNTED:
                count(item[1], item[2])
            else:
                yield item

    def __iter__(self) -> Iterator[Entry]:
        for item in self._items:
            kind = item[0]
            if kind in (_PIECE, _ENDED):
                continue  # of a file whose content nobody wanted
            self._current = item
            entry = Entry(*item[1])
            if item[2]:
                self._digest = entry.digest = _Taken(item[2])
            yield entry

    def content(self) -> Iterator[Content]:
        current, self._current = self._current, ()
        if not current:
            return
        if current[0] == _WHOLE:
            _, _, _, at, size = current
            if size:
                yield self._receiver.content(at, size)
            return
        for item in self._items:
            if item[0] == _ENDED:
                self._digest.sha256 = item[1]
                return
            yield self._receiver.content(item[1], item[2])
