"""Reading a delta: the archive that it makes of its base, as a stream. The delta is hostile, and so is that archive.

The archive goes to the reader of packed bundles, which refuses what may not be in one. This module ensures that nothing
is copied that is not in the base, that nothing is larger than it says, and that the archive is the one that was packed.
"""

import hashlib
import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from bundler.archives.stream import Content, DamagedError
from bundler.archives.tar_writer import BLOCK
from bundler.deltas.base import Base
from bundler.deltas.differences import add
from bundler.deltas.format import (
    LARGEST_DOCUMENT,
    LENGTH,
    MAGIC,
    MOST,
    SHA256,
    WORTH,
    Document,
    End,
    Section,
    most_dictionary,
    most_stored,
)
from bundler.deltas.frames import decompress
from bundler.deltas.gzipped import Compress, Gzipped, text_of
from bundler.deltas.operations import (
    Add,
    Again,
    Copy,
    Fresh,
    Gzip,
    Heads,
    Operation,
    Patch,
    Range,
    Small,
    read_operations,
)

_PIECE: Final = 1 << 20


class StoredDelta:
    """The bytes of a delta, in the open files `descriptors`, one after another."""

    def __init__(self, descriptors: Sequence[int]) -> None:
        self.descriptors = tuple(descriptors)
        self._starts = array("Q")
        self.size = 0
        for descriptor in descriptors:
            self._starts.append(self.size)
            self.size += os.fstat(descriptor).st_size

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from `at` on; fewer only at the end."""
        parts, size = [], min(size, self.size - at)
        while size > 0:
            number = bisect_right(self._starts, at) - 1
            part = os.pread(self.descriptors[number], size, at - self._starts[number])
            if not part:  # it was made shorter meanwhile
                break
            parts.append(part)
            at, size = at + len(part), size - len(part)
        return b"".join(parts)


class DeltaFile:
    """A delta file; its `document` is read at once. Raises DamagedError, RequestError, OSError."""

    def __init__(self, stored: StoredDelta, label: str) -> None:
        self.label = label
        self.stored = stored
        self._end = stored.size - SHA256
        self._at = 0
        if stored.read(0, len(MAGIC)) != MAGIC:
            raise DamagedError("it is no delta", hint="bundler delta OLD NEWER -o FILE writes one")
        self._at = len(MAGIC)
        (length,) = LENGTH.unpack(self.take(LENGTH.size))
        if length > LARGEST_DOCUMENT:
            raise DamagedError("its document is too large")
        self.document = Document.parse(self.take(length), label)
        self._first = self._at

    def check(self) -> None:
        """Raise DamagedError unless the file has the checksum at its end: a medium may have lost a part of it."""
        digest, at = hashlib.sha256(), 0
        while at < self._end and (part := self.stored.read(at, min(_PIECE, self._end - at))):
            digest.update(part)
            at += len(part)
        if self.stored.read(self._end, SHA256) != digest.digest():
            raise DamagedError("its bytes are not those that were written")

    def rewind(self) -> None:
        """Go back to the first section."""
        self._at = self._first

    def take(self, size: int) -> bytes:
        """The next bytes. Raises DamagedError where there are not so many."""
        content = self.read(self._at, size)
        self._at += size
        return content

    def read(self, at: int, size: int) -> bytes:
        """The bytes from `at` on. Raises DamagedError where there are not so many."""
        content = self.stored.read(at, size) if at + size <= self._end else b""
        if len(content) != size:
            raise DamagedError("it ends too early")
        return content

    @property
    def at(self) -> int:
        """Where the next bytes are."""
        return self._at

    @property
    def is_at_end(self) -> bool:
        return self._at == self._end


class Rebuilt:
    """The archive that `delta` makes of `base`, to be read once. `gzip` is there if the delta says that it needs it.

    Methods raise DamagedError, OSError, and what `gzip` raises.
    """

    def __init__(self, delta: DeltaFile, base: Base, gzip: Compress | None = None) -> None:
        self._delta = delta
        self._base = base
        self._gzip = gzip
        self._pieces = self._archive()
        self._piece = memoryview(b"")
        self._frames = _Frames(delta)
        self.size = 0
        self._digest = hashlib.sha256()

    def read(self, size: int, /) -> Content:
        """1 to `size` bytes; none at the end. By then the size and the digest of the archive have been checked."""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece = memoryview(piece)
        taken, self._piece = self._piece[:size], self._piece[size:]
        return taken

    def _archive(self) -> Iterator[bytes]:
        self._delta.rewind()
        while not (section := Section.parse(self._delta.take(Section.SIZE))).is_last:
            for piece in self._section(section):
                self._digest.update(piece)
                self.size += len(piece)
                yield piece
        end = End.parse(self._delta.take(End.SIZE))
        if not self._delta.is_at_end or (end.size, end.sha256) != (self.size, self._digest.digest()):
            raise DamagedError("what it makes is not what it says")

    def _section(self, section: Section) -> Iterator[bytes]:
        if section.known > most_dictionary(section.heads):
            raise DamagedError("a dictionary is larger than its content is worth")
        known = self._base.heads(section.known_at, section.known)
        heads = _Part(decompress(self._delta.take(section.heads_stored), section.heads, known))
        operations = decompress(self._delta.take(section.operations_stored), section.operations, b"")
        small = _Part(decompress(self._delta.take(section.small_stored), section.small, b""))
        differences = _Part(decompress(self._delta.take(section.differences_stored), section.differences, b""))
        self._frames.begin(section.frames)
        for operation in read_operations(operations):
            if isinstance(operation, Heads):
                yield bytes(-self.size % BLOCK) + heads.take(operation.size)
            elif isinstance(operation, Small):
                yield small.take(operation.size)
            elif isinstance(operation, Add):
                there = self._base.read(operation.file, operation.at, min(operation.size, MOST))
                yield add(differences.take(operation.size), there)
            else:
                yield from self._content(operation)
        for part in (heads, small, differences):
            part.end()
        self._frames.end()

    def _content(self, operation: Operation) -> Iterator[bytes]:
        base = self._base
        # Operations take next to nothing in the file: those that make nothing would keep a reader busy for ever.
        if not isinstance(operation, Copy) and not operation.size:
            raise DamagedError("it asks for an operation that makes nothing")
        match operation:
            case Copy(file):
                yield from base.copy(file)
            case Range(file, at, size):
                yield from self._copied(file, at, size)
            case Patch(file, at, known, size, stored):
                yield self._patched(self._frames.take(stored, size), size, file, at, known)
            case Fresh(size, stored):
                yield decompress(self._frames.take(stored, size), size, b"")
            case Gzip(file, known, header, size, stored):
                yield self._gzipped(self._frames.take(stored, size), size, header, file, known)
            case Again(_, _, _, size, _, _) if size < WORTH:
                raise DamagedError("it asks once more for a frame that is too small for that")
            case Again(file, at, known, size, stored, place):
                yield self._patched(self._frames.read(place, stored, size), size, file, at, known)
            case _:
                raise AssertionError(operation)

    def _copied(self, file: int, at: int, size: int) -> Iterator[bytes]:
        end = at + size
        if end > self._base.size(file):
            raise DamagedError("it asks for more than a file of the base has")
        while at < end:
            part = self._base.read(file, at, min(_PIECE, end - at))
            yield part
            at += len(part)

    def _patched(self, frame: bytes, size: int, file: int, at: int, known: int) -> bytes:
        if known > most_dictionary(size):
            raise DamagedError("a dictionary is larger than its content is worth")
        return decompress(frame, size, self._base.read(file, at, known) if known else b"")

    def _gzipped(self, frame: bytes, size: int, header: int, file: int, known: int) -> bytes:
        if self._gzip is None:
            raise DamagedError("it asks for gzip, and does not say so")
        if header > size:
            raise DamagedError("a header that makes no sense")
        base, most = self._base, most_dictionary(size)
        if known > most or (known and base.size(file) > most):
            raise DamagedError("a dictionary is larger than its content is worth")
        text = text_of(base.read(file, 0, base.size(file)), known) if known else b""
        if len(text) != known:
            raise DamagedError("it asks for more than a file of the base has")
        content = decompress(frame, size, text)
        return self._gzip(Gzipped(content[:header], content[header:]))


class _Frames:
    """The frames of all sections up to the current one, one after another. Methods raise DamagedError."""

    def __init__(self, delta: DeltaFile) -> None:
        self._delta = delta
        # Of each section, where its frames begin: among all frames, and in the file.
        self._starts, self._places = array("Q"), array("Q")
        self._before = self._end = 0

    def begin(self, size: int) -> None:
        """The frames of the next section come now."""
        self._starts.append(self._before)
        self._places.append(self._delta.at)
        self._end = self._delta.at + size

    def take(self, stored: int, size: int) -> bytes:
        """The next one, which becomes `size` bytes."""
        _check_frame(stored, size)
        self._before += stored
        return self._delta.take(stored)

    def read(self, place: int, stored: int, size: int) -> bytes:
        """An earlier one."""
        _check_frame(stored, size)
        if place + stored > self._before:
            raise DamagedError("a frame is asked for again that was not there")
        section = bisect_right(self._starts, place) - 1
        return self._delta.read(self._places[section] + place - self._starts[section], stored)

    def end(self) -> None:
        """No more operations are in the section."""
        if self._delta.at != self._end:
            raise DamagedError("the frames of a section are not as large as it says")


def _check_frame(stored: int, size: int) -> None:
    if size > MOST or stored > most_stored(size):
        raise DamagedError("a frame is larger than any that is written")


class _Part:
    """What operations take bytes from, one after another."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes. Raises DamagedError."""
        part = self._content[self._at : self._at + size]
        if len(part) != size or not size:
            raise DamagedError("an operation asks for what the section has not got")
        self._at += size
        return part

    def end(self) -> None:
        """Raise DamagedError unless all was taken."""
        if self._at != len(self._content):
            raise DamagedError("a section has what no operation asks for")
