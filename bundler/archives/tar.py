"""A reader of tar archives made for hostile ones: v7, ustar, PAX and GNU, one pass, bounded memory, no seeking needed.

Python's own tarfile guesses where this one refuses: what two readers read differently is where attacks hide. Where
writers of images disagree, this reader does what Go's archive/tar does, because Docker, containerd and umoci use it.
"""

from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Final

from bundler.archives.entry import (
    DIRECTORY,
    GLOBAL,
    HEADER_ONLY,
    KINDS,
    LONG_LINK,
    LONG_NAME,
    RECORDS,
    REGULAR,
    V7_REGULAR,
    Entry,
    Numbers,
    is_intact,
    parse_header,
    read_usual,
)
from bundler.archives.pax import apply_records, parse_decimal, parse_records
from bundler.archives.sparse import read_old_map, read_pax_map, set_map
from bundler.archives.stream import Content, ContentStream, DamagedError
from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits, raise_hint
from bundler.sizes import readable_size

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_READ: Final = 64 * 1024
_LARGEST_PIECE: Final = 1 << 20


@dataclass(slots=True)
class _Extension:
    """What the entries before an entry said about it."""

    records: dict[bytes, bytes] = field(default_factory=dict)
    name: bytes = b""
    link_name: bytes = b""


class TarReader:
    """Iterates over the entries of an archive; `content` gives what is stored for the current one.

    `stream` is read from its current position, which counts as offset 0 of the archive. `skip(count)`, if given,
    moves `stream` forward by `count` bytes more cheaply than reading; the caller knows that they exist (seeking past
    the end of a file raises nothing). All methods raise DamagedError for what is not a tar archive.
    The end may be two blocks of zeros or, as some writers have it, just the end of the stream after an entry.
    Of `limits`, the one for PAX headers is kept here: names, records and maps are held in memory.

    A global PAX header is an entry of kind GLOBAL, and changes none that follows: Docker, containerd and podman pass
    it by, so what it said of other files would be a second tree. Its name is all of it that ever means something.
    """

    def __init__(
        self, stream: ContentStream, skip: Callable[[int], None] | None = None, limits: Limits = DEFAULTS
    ) -> None:
        self._stream = stream
        self._largest_extension = limits.pax_size
        self._seek_forward = skip
        self._buffer = memoryview(b"")
        self._size = 0  # of the buffer
        self._at = 0  # how much of it is used
        self._start = 0  # the offset of the buffer in the archive
        self._left = 0  # content of the current entry that was not read yet
        self._padding = 0  # zeros after it
        self._numbers: Numbers | None = None  # of the current header, if it is of the usual form

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self._next()) is not None:
            yield entry

    def content(self) -> Iterator[Content]:
        """What is left of the current entry's stored content, in pieces of at most 1 MiB."""
        while self._left:
            piece = self._some(min(self._left, _LARGEST_PIECE))
            if not piece:
                raise DamagedError("the tar archive ends inside a file")
            self._left -= len(piece)
            yield piece

    def _next(self) -> Entry | None:
        extension = None
        while (block := self._next_header()) is not None:
            kind = block[156:157]
            entry = parse_header(block, self._numbers, self._start + self._at)
            if kind in KINDS:
                return self._entry(entry, block, extension)
            extend = _EXTENSIONS.get(kind)
            if extend is not None:
                extension = extension or _Extension()
                extend(extension, self._extension_content(entry))
            elif kind == GLOBAL:
                # What came before it was for this header, by Go's reader, and is for none after it.
                apply_records(entry, parse_records(self._extension_content(entry)))
                return entry
            elif kind != b"V" or entry.stored_size or extension:  # a volume label: a name for the tape, no entry
                raise DamagedError(f"a tar entry has the unsupported type {printable(kind)}")
        if extension is not None and (extension.records or extension.name or extension.link_name):
            raise DamagedError("the tar archive ends after an extended header")
        return None

    def _entry(self, entry: Entry, block: bytes, extension: _Extension | None) -> Entry:
        if extension is not None or block[156:157] in _UNUSUAL:
            self._extend(entry, block, extension or _Extension())
        self._left = entry.stored_size
        self._padding = -entry.stored_size % _BLOCK
        return entry

    def _extend(self, entry: Entry, block: bytes, extension: _Extension) -> None:
        """Let what came before the entry, and what its type adds, take the place of what its header says."""
        kind = block[156:157]
        records = extension.records
        pairs = read_old_map(entry, block, self._exact_block) if kind == b"S" else None
        apply_records(entry, records)
        stated = records.get(b"size")
        size = parse_decimal(stated) if stated else entry.stored_size
        if kind not in HEADER_ONLY:
            entry.stored_size = size
            entry.size = size if entry.kind == REGULAR and pairs is None else entry.size
        # An empty name is none, as in Go's reader.
        entry.name = extension.name or entry.name
        entry.link_name = extension.link_name or entry.link_name
        if kind == V7_REGULAR and entry.name.endswith(b"/"):
            self._make_directory(entry)
        if records and pairs is None:
            pairs = read_pax_map(entry, records, self._exact_block)
        if pairs is not None:
            if entry.kind != REGULAR:
                raise DamagedError("something else than a file is called sparse")
            set_map(entry, pairs)

    @staticmethod
    def _make_directory(entry: Entry) -> None:
        """v7 has no type for directories but a name that ends so, which may be a longer one."""
        if entry.stored_size:
            # Some readers pass over its content; Go's takes it for the next header.
            raise DamagedError("a directory has content")
        entry.kind = DIRECTORY

    def _next_header(self) -> bytes | None:
        """The next header; None at the end of the archive."""
        self._skip_content()
        block = self._take(_BLOCK)
        if not block:
            return None
        if block == _ZEROS:
            after = self._take(_BLOCK)
            if after not in (b"", _ZEROS):
                raise DamagedError("the tar archive goes on after a block of zeros")
            self._stream_ended()
            return None
        if len(block) < _BLOCK:
            raise DamagedError("the tar archive ends inside a header")
        self._numbers = read_usual(block)
        if self._numbers is None and not is_intact(block):
            at = self._start + self._at - _BLOCK
            raise DamagedError(
                f"there is no tar header with a right checksum at offset {at}"
                if at
                else "not a tar archive: it does not begin with a header with a right checksum"
            )
        return block

    def _stream_ended(self) -> None:
        """Nothing is read after the end of the archive, even if the reader is asked again."""
        self._buffer = memoryview(b"")
        self._size = self._at = 0
        self._stream = _ENDED

    def _extension_content(self, entry: Entry) -> bytes:
        size = entry.stored_size
        if size > self._largest_extension:
            raise DamagedError(
                f"an extended tar header is larger than {readable_size(self._largest_extension)}",
                hint=raise_hint("pax_size"),
            )
        content = self._take(size)
        if len(content) < size:
            raise DamagedError("the tar archive ends inside an extended header")
        self._padding = -size % _BLOCK
        entry.stored_size = 0
        return content

    def _skip_content(self) -> None:
        count = self._left + self._padding
        if count <= self._size - self._at:
            self._at += count
            self._left = self._padding = 0
            return
        buffered = min(count, self._size - self._at)
        self._at += buffered
        count -= buffered
        if count and self._seek_forward is not None:
            self._seek_forward(count)
            self._start += count
            count = 0
        while count > self._padding:
            piece = self._some(min(count, _LARGEST_PIECE))
            if not piece:
                raise DamagedError("the tar archive ends inside a file")
            count -= len(piece)
        # Go's writer, if it is not closed, leaves out the last padding, and its reader accepts that.
        self._take(count)
        self._left = self._padding = 0

    def _exact_block(self) -> bytes:
        block = self._take(_BLOCK)
        if len(block) < _BLOCK:
            raise DamagedError("the tar archive ends inside the map of a sparse file")
        return block

    def _some(self, most: int) -> Content:
        """1 to `most` bytes, or none at the end; a view of the buffer, so that content is copied by the kernel only."""
        at = self._at
        if at == self._size:
            if not self._refill():
                return b""
            at = 0
        piece = self._buffer[at : at + most]
        self._at = at + len(piece)
        return piece

    def _take(self, count: int) -> bytes:
        """`count` bytes, or what is left of the stream."""
        at = self._at
        if at + count <= self._size:
            self._at = at + count
            return bytes(self._buffer[at : at + count])
        pieces = []
        while count and (piece := self._some(count)):
            pieces.append(bytes(piece))  # what is read next may take its place
            count -= len(piece)
        return b"".join(pieces)

    def _refill(self) -> bool:
        self._start += self._size
        self._at = 0
        # Where the rest can be skipped, most of what is read ahead of a header is never looked at.
        self._buffer = memoryview(self._stream.read(_LARGEST_PIECE if self._seek_forward is None else _READ))
        self._size = len(self._buffer)
        return bool(self._size)


class _Ended:
    def read(self, _size: int, /) -> bytes:
        return b""


_ENDED: Final = _Ended()
# v7's regular file, which may be a directory by its name, and GNU's old sparse file.
_UNUSUAL: Final = frozenset({V7_REGULAR, b"S"})


def _set_records(extension: _Extension, content: bytes) -> None:
    extension.records = parse_records(content)


def _set_name(extension: _Extension, content: bytes) -> None:
    extension.name = content.partition(b"\0")[0]


def _set_link_name(extension: _Extension, content: bytes) -> None:
    extension.link_name = content.partition(b"\0")[0]


# Entries that describe the next one.
_EXTENSIONS: Final[dict[bytes, Callable[[_Extension, bytes], None]]] = {
    RECORDS: _set_records,
    LONG_NAME: _set_name,
    LONG_LINK: _set_link_name,
}
