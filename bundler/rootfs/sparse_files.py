"""Writing and reading the content of files, with their holes."""

import errno
import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bundler.archives.entry import Entry
from bundler.archives.stream import Content, RunningHash
from bundler.light_dataclasses import dataclass
from bundler.reflinks import clone

_PIECE: Final = 1 << 20


def write(descriptor: int, content: Content) -> None:
    """Write all of `content`; the kernel may take it in several parts."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, memoryview(content)[written:])


def read_part(
    content: Iterable[Content], pieces: Iterable[tuple[int, int]], size: int, most: int, offset: int
) -> bytes:
    """At most `most` bytes from `offset` on, where a hostile file may lead, of a file whose `pieces` are `content`."""
    read = bytearray(max(0, min(most, size - offset)))
    end = offset + len(read)
    source = iter(content)
    for at, part in placed(source, pieces, size, None):
        if at >= end:
            return bytes(read)
        first, last = max(at, offset), min(at + len(part), end)
        if first < last:
            read[first - offset : last - offset] = part[first - at : last - at]
    deque(source, maxlen=0)  # some content is checked at its end
    return bytes(read)


def placed(
    content: Iterable[Content], pieces: Iterable[tuple[int, int]], size: int, digest: RunningHash | None
) -> Iterator[tuple[int, Content]]:
    """The parts of `content`, each with its offset in a file of `size`, whose (offset, length) `pieces` it belongs to.

    `digest` is told of all that a reader of the file will see, the zeros of the holes included.
    """
    source = iter(content)
    stored = memoryview(b"")
    end = 0
    for start, length in pieces:
        if digest is not None:
            add_zeros(digest, start - end)
        at, end = start, start + length
        while at < end:
            stored = stored or memoryview(next(source))
            part, stored = stored[: end - at], stored[end - at :]
            if digest is not None:
                digest.update(part)
            yield at, part
            at += len(part)
    if digest is not None:
        add_zeros(digest, size - end)


@dataclass(frozen=True, slots=True)
class StoredPieces:
    """What lies at `pieces` of an open file, which are all that it has."""

    descriptor: int
    pieces: Sequence[tuple[int, int]]

    def __iter__(self) -> Iterator[bytes]:
        return read_pieces(self.descriptor, self.pieces)


def write_pieces(
    descriptor: int,
    content: Iterable[Content],
    pieces: Iterable[tuple[int, int]],
    size: int,
    digest: RunningHash | None = None,
) -> None:
    """Write `content` where its `pieces` belong; what lies between them stays a hole. `digest` is as in `placed`.

    Content that nothing has to look at, and that lies in a file already, is shared with it where the disk can do so.
    """
    if digest is None and isinstance(content, StoredPieces) and pieces and clone(content.descriptor, descriptor):
        return
    for at, part in placed(content, pieces, size, digest):
        os.lseek(descriptor, at, os.SEEK_SET)
        write(descriptor, part)
    os.ftruncate(descriptor, size)


def add_zeros(digest: RunningHash, count: int) -> None:
    """Tell `digest` of that many zeros, or of none."""
    zeros = memoryview(bytes(min(count, _PIECE)))
    while count > 0:
        part = zeros[:count]
        digest.update(part)
        count -= len(part)


def find_pieces(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Where an open file of `size` bytes has content, as (offset, length)."""
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole from here on
                return
            raise
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end - start


def read_pieces(descriptor: int, pieces: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """What lies at `pieces` of an open file, in parts of at most 1 MiB."""
    for start, length in pieces:
        at, end = start, start + length
        while at < end and (part := os.pread(descriptor, min(_PIECE, end - at), at)):
            yield part
            at += len(part)


def sha256_of(entry: Entry, content: Iterator[Content]) -> str:
    """The sha256 of a file, holes included, in hexadecimal."""
    digest = hashlib.sha256()
    at = 0
    parts, view = iter(content), memoryview(b"")
    for start, length in entry.sparse if entry.sparse is not None else ((0, entry.size),):
        add_zeros(digest, start - at)
        at = start
        while at < start + length:
            view = view or memoryview(next(parts))
            piece, view = view[: start + length - at], view[start + length - at :]
            digest.update(piece)
            at += len(piece)
    add_zeros(digest, entry.size - at)
    return digest.hexdigest()
