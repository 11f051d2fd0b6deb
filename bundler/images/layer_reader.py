"""The worker that finds the entries of layers in the stream of another one, and hashes the files in them.

What it sends are numbers and names; content stays where the filler has put it.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from bundler.archives.entry import REGULAR, Entry, FileRow
from bundler.archives.tar import TarReader
from bundler.images.layer_stream import explained
from bundler.limits import Limits
from bundler.workers.batches import Item, Sender
from bundler.workers.shared_stream import SharedStream

FILLER: Final = "the process that reads the layers"
# What is stored for an entry is told as a whole up to this size, once all of it was read; what is larger, in pieces.
# An eighth of the shared memory, so that all three processes have something to do meanwhile.
LARGEST_WHOLE: Final = 1 << 20
_PIECE: Final = 512 * 1024
# An entry's names, and so its weight, are usually too few to be counted.
_LONG: Final = 1024

# What is sent: one of these, and what follows it. The offset of an entry is that in its layer.
COUNTED: Final = 0  # stored bytes, uncompressed bytes, up to where the stream is needed no more
FILES: Final = 1  # a directory, and rows of files in it, whose content was read
WHOLE: Final = 2  # an entry's fields, its sha256; its content was read
BEGUN: Final = 3  # an entry's fields, an empty text if it is hashed; pieces follow
READ: Final = 4  # how much of its content comes next
ENDED: Final = 5  # the sha256 of all that
DONE: Final = 6  # where in the stream the next layer begins; this one is good


def read_layers(
    sender: Sender, stream: tuple[int, int], labels: tuple[str, ...], limits: Mapping[str, int], hashed: bool
) -> None:
    """Send what is in each of the layers that the filler puts; `stream` is what it has left to be read by."""
    shared = SharedStream.handed_over(FILLER, *stream)
    for label in labels:
        reader = _Reader(sender, shared, Limits(**limits), hashed=hashed)
        with explained(reader, label):
            reader.send_all()
        sender.send((DONE, shared.position), _PIECE)


class _Reader:
    """Sends the entries of one layer, and in between what was read of the stream."""

    def __init__(self, sender: Sender, shared: SharedStream, limits: Limits, *, hashed: bool) -> None:
        self._sender = sender
        self._shared = shared
        self._hashed = hashed
        self._stored = shared.number
        self._start = shared.position
        self._ended = False
        self._entries = TarReader(self, limits=limits)
        self._kept: int | None = None  # from where on the entry that was not sent yet will need its content
        self._directory = b""
        self._rows: list[FileRow] = []

    def read(self, size: int, /) -> memoryview:
        """More of the stream, for the tar reader."""
        self._send_files()
        if self._ended:
            return memoryview(b"")
        done = self._shared.position if self._kept is None else self._kept
        content = self._shared.read(size)
        self._ended = not content
        stored, self._stored = self._shared.number - self._stored, self._shared.number
        # With this weight it is sent at once, or the filler would wait for memory that is free already.
        self._sender.send((COUNTED, stored, len(content), done), len(content))
        return content

    def finish(self) -> None:
        """Read what is left. Raises what the filler ends with."""
        while self.read(_PIECE):
            pass

    def send_all(self) -> None:
        for entry in self._entries:
            self._kept = self._start + entry.offset
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
            self._send_entry(WHOLE, entry, None)
            return
        digest = hashlib.sha256()
        for content in self._entries.content():
            digest.update(content)
        sha256 = digest.hexdigest()
        if entry.xattrs or entry.atime != entry.mtime:
            self._send_entry(WHOLE, entry, sha256)
            return
        directory, _, name = entry.name.rpartition(b"/")
        if directory != self._directory:
            self._send_files()
            self._directory = directory
        self._rows.append((name, entry.mode, entry.uid, entry.gid, entry.size, entry.mtime, entry.offset, sha256))

    def _send_pieces(self, entry: Entry, *, hashed: bool) -> None:
        self._send_entry(BEGUN, entry, "" if hashed else None)
        digest = hashlib.sha256()
        at = self._start + entry.offset
        for content in self._entries.content():
            if hashed:
                digest.update(content)
            self._sender.send((READ, len(content)))
            at += len(content)
            self._kept = at
        self._sender.send((ENDED, digest.hexdigest()))

    def _send_entry(self, kind: int, entry: Entry, sha256: str | None) -> None:
        self._send_files()
        weight = len(entry.name) + len(entry.link_name)
        if entry.xattrs or entry.sparse:
            weight += _PIECE  # goes out at once, since their size is not known
        self._sender.send((kind, _fields(entry), sha256), weight if weight > _LONG else 0)

    def _send_files(self) -> None:
        if self._rows:
            self._sender.send((FILES, self._directory, self._rows), len(self._rows) * _LONG)
            self._rows = []


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
