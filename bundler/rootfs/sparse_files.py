"""Writing and reading the content of files, with their holes."""

import errno
import os
from collections.abc import Iterable, Iterator
from typing import Final

_PIECE: Final = 1 << 20


def write(descriptor: int, content: bytes | memoryview) -> None:
    """Write all of `content`; the kernel may take it in several parts."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, memoryview(content)[written:])


def write_pieces(descriptor: int, content: Iterable[bytes], pieces: Iterable[tuple[int, int]], size: int) -> None:
    """Write `content` where its (offset, length) `pieces` belong; what lies between them stays a hole."""
    source = iter(content)
    stored = memoryview(b"")
    for start, length in pieces:
        os.lseek(descriptor, start, os.SEEK_SET)
        missing = length
        while missing:
            stored = stored or memoryview(next(source))
            part, stored = stored[:missing], stored[missing:]
            write(descriptor, part)
            missing -= len(part)
    os.ftruncate(descriptor, size)


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
