"""The entries of a layer and what is stored for them, read in other processes where that is faster.

Reading a layer costs about as much as making its files when there are many of them, so the work is cut in three:

    the filler    stored bytes -> digest -> decompress -> diff_id -> shared memory
    the reader    shared memory -> tar entries -> sha256 of files
    this one      limits -> changeset -> tree, with the content out of the shared memory

What the reader sends are numbers and names; content stays where the filler has put it. Processes cost some
milliseconds, so small layers are read in this one.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from bundler.archives.entry import REGULAR, Entry, FileRow, Files
from bundler.archives.stream import Content, Taken
from bundler.archives.tar import TarReader
from bundler.images.counted_stream import Count, CountedStream, Stored
from bundler.images.image import LocalLayer
from bundler.images.layer_stream import explained, label_of, open_layer
from bundler.limits import Limits
from bundler.workers.read_apart import Item, Receiver, Sender, read_apart
from bundler.workers.shared_stream import Filler, SharedStream, filled_apart

# Layers whose stored bytes are fewer are read by this process.
SMALLEST_APART: Final = 4 << 20
# What is stored for an entry is told as a whole up to this size, once all of it was read; what is larger, in pieces.
# An eighth of the shared memory, so that there is something to do for everybody meanwhile.
LARGEST_WHOLE: Final = 1 << 20
_PIECE: Final = 512 * 1024
# An entry's names, and so its weight, are usually too few to be counted.
_LONG: Final = 1024


class LayerEntries(Protocol):
    """Iterates over the entries, once; the layer is good when that ends. `content` is of the current one.

    All raise ImageError, naming the layer, for what is wrong with it, and whatever the Count raises.
    """

    def __iter__(self) -> Iterator[Entry | Files]: ...

    def content(self) -> Iterable[Content]:
        """What is stored for the current entry, in pieces that are good until the next one."""
        ...

    def content_at(self, offset: int, size: int) -> Iterable[Content]:
        """The content of one of the current files."""
        ...


@contextmanager
def open_entries(layer: LocalLayer, count: Count, limits: Limits, *, hashed: bool = False) -> Iterator[LayerEntries]:
    """`hashed` says that the sha256 of files will be asked for: then entries may have it already, or be Files."""
    if layer.blob.size < SMALLEST_APART or len(os.sched_getaffinity(0)) == 1:
        stored = Stored()
        with open_layer(layer, stored) as stream:
            yield _Read(CountedStream(stream, stored, count), limits)
        return
    label = label_of(layer)
    with (
        filled_apart(lambda filler: _fill(filler, layer)) as shared,
        read_apart(lambda sender: _send(sender, shared, label, limits, hashed=hashed)) as receiver,
    ):
        yield _Received(receiver, shared, count)


class _Read:
    """Entries that this process reads."""

    def __init__(self, stream: CountedStream, limits: Limits) -> None:
        self._stream = stream
        self._reader = TarReader(stream, limits=limits)
        self.content = self._reader.content

    def __iter__(self) -> Iterator[Entry]:
        yield from self._reader
        self._stream.finish()

    def content_at(self, offset: int, size: int) -> Iterable[Content]:
        raise NotImplementedError  # there are no Files here


# --- the filler ---


def _fill(filler: Filler, layer: LocalLayer) -> None:
    stored = Stored()
    with open_layer(layer, stored) as stream:
        while content := stream.read(_PIECE):
            filler.put(content, stored.taken())
        stream.finish()
    filler.put(b"", stored.taken())


# --- the reader: what it sends are numbers, and what follows them ---

_COUNTED: Final = 0  # stored bytes, uncompressed bytes, what of the stream nobody needs any more
_FILES: Final = 1  # a directory, and rows of files in it, whose content was read
_WHOLE: Final = 2  # an entry's fields, its sha256; its content was read
_BEGUN: Final = 3  # an entry's fields, an empty text if it is hashed; pieces follow
_READ: Final = 4  # how much of its content comes next
_ENDED: Final = 5  # the sha256 of all that


class _Reader:
    """Sends the entries, and in between what was read of the stream."""

    def __init__(self, sender: Sender, shared: SharedStream, limits: Limits, *, hashed: bool) -> None:
        self._sender = sender
        self._shared = shared
        self._hashed = hashed
        self._stored = 0
        self._entries = TarReader(self, limits=limits)
        self._kept: int | None = None  # from where on the entry that was not sent yet will need its content
        self._directory = b""
        self._rows: list[FileRow] = []

    def read(self, size: int, /) -> memoryview:
        """More of the stream, for the tar reader."""
        self._send_files()
        done = self._shared.position if self._kept is None else self._kept
        content = self._shared.read(size)
        stored, self._stored = self._shared.number - self._stored, self._shared.number
        # With this weight it is sent at once, or the filler would wait for memory that is free already.
        self._sender.send((_COUNTED, stored, len(content), done), len(content))
        return content

    def finish(self) -> None:
        """Read what is left. Raises what the filler ends with."""
        while self.read(_PIECE):
            pass

    def send_all(self) -> None:
        for entry in self._entries:
            self._kept = entry.offset
            # The hash of a sparse file is one of its holes, too: that is for who makes them.
            hashed = self._hashed and entry.kind == REGULAR and entry.sparse is None
            if entry.stored_size > LARGEST_WHOLE:
                self._send_pieces(entry, hashed=hashed)
            else:
                self._send_whole(entry, hashed=hashed)
            self._kept = None
        self.finish()

    def _send_whole(self, entry: Entry, *, hashed: bool) -> None:
        if not hashed:
            for _ in self._entries.content():
                pass
            self._send_entry(_WHOLE, entry, None)
            return
        digest = hashlib.sha256()
        for content in self._entries.content():
            digest.update(content)
        sha256 = digest.hexdigest()
        if entry.xattrs or entry.atime != entry.mtime:
            self._send_entry(_WHOLE, entry, sha256)
            return
        directory, _, name = entry.name.rpartition(b"/")
        if directory != self._directory:
            self._send_files()
            self._directory = directory
        self._rows.append((name, entry.mode, entry.uid, entry.gid, entry.size, entry.mtime, entry.offset, sha256))

    def _send_pieces(self, entry: Entry, *, hashed: bool) -> None:
        self._send_entry(_BEGUN, entry, "" if hashed else None)
        digest = hashlib.sha256()
        at = entry.offset
        for content in self._entries.content():
            if hashed:
                digest.update(content)
            self._sender.send((_READ, len(content)))
            at += len(content)
            self._kept = at
        self._sender.send((_ENDED, digest.hexdigest()))

    def _send_entry(self, kind: int, entry: Entry, sha256: str | None) -> None:
        self._send_files()
        weight = len(entry.name) + len(entry.link_name)
        if entry.xattrs or entry.sparse:
            weight += _PIECE  # goes out at once, since nobody has measured it
        self._sender.send((kind, _fields(entry), sha256), weight if weight > _LONG else 0)

    def _send_files(self) -> None:
        if self._rows:
            self._sender.send((_FILES, self._directory, self._rows), len(self._rows) * _LONG)
            self._rows = []


def _send(sender: Sender, shared: SharedStream, label: str, limits: Limits, *, hashed: bool) -> None:
    shared.leave_to_owner()
    reader = _Reader(sender, shared, limits, hashed=hashed)
    with explained(reader, label):
        reader.send_all()


def _fields(entry: Entry) -> Item:
    """What `Entry` takes, in its order, up to where the rest is as usual."""
    usual = (
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
    )
    if entry.xattrs or entry.sparse is not None or entry.device != (0, 0):
        return (*usual, entry.device, entry.xattrs, entry.sparse)
    return usual


# --- this process ---


class _Received:
    """Entries that the reader has sent."""

    def __init__(self, receiver: Receiver, shared: SharedStream, count: Count) -> None:
        self._shared = shared
        self._items = self._counted(receiver, count)
        self.content_at = shared.content
        self._current: Entry | None = None  # whose content was not asked for yet
        self._whole = False
        self._digest = Taken()

    def _counted(self, receiver: Receiver, count: Count) -> Iterator[Item]:
        for item in receiver:
            if item[0] == _COUNTED:
                count(item[1], item[2])
                self._shared.free(item[3])
            else:
                yield item

    def __iter__(self) -> Iterator[Entry | Files]:
        for item in self._items:
            kind = item[0]
            if kind == _FILES:
                yield Files(item[1], item[2])
                continue
            if kind in (_READ, _ENDED):
                continue  # of a file whose content nobody wanted
            self._whole = kind == _WHOLE
            self._current = entry = Entry(*item[1])
            if item[2] is not None:
                self._digest = entry.digest = Taken(item[2])
            yield entry

    def content(self) -> Iterable[Content]:
        entry, self._current = self._current, None
        if entry is None or not entry.stored_size:
            return ()
        if self._whole:
            return self._shared.content(entry.offset, entry.stored_size)
        return self._pieces(entry)

    def _pieces(self, entry: Entry) -> Iterator[Content]:
        at = entry.offset
        for item in self._items:
            if item[0] == _ENDED:
                self._digest.sha256 = item[1]
                return
            yield from self._shared.content(at, item[1])
            at += item[1]
