"""Files with holes in erofs: a map says of each chunk of a file in which block it begins, or that it is a hole.

Linux knows them from 5.15 on. An archive of a kilobyte can state holes of an exabyte: what an image has for them are
the map and the zeros that fill up the chunks in which something is stored. The larger the chunks, the smaller the map.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bundler.archives.filesystems.verity import BLOCK
from bundler.archives.stream import Content

HOLE: Final = 0xFFFFFFFF
ENTRY: Final = struct.Struct("<I")
BITS: Final = 0x1F
"""What a chunked inode has in the place of its first block: how many times a chunk is twice a block."""
_MOST_CHUNKS: Final = 1 << 20  # of a file that bundler writes; its map is in memory then
_PIECE: Final = 1 << 20


class Chunks:
    """The chunks of a file of `size` bytes of which the (offset, length) `stored` are stored, in order."""

    def __init__(self, stored: Sequence[tuple[int, int]], size: int) -> None:
        """They are as large as makes the map about as large as the zeros that fill them up."""
        self.size = size
        self.bits = 0
        while self._chunk**2 * (len(stored) or 1) < size * ENTRY.size or size > self._chunk * _MOST_CHUNKS:
            self.bits += 1
        self.runs = tuple(self._join(stored))

    @property
    def _chunk(self) -> int:
        return BLOCK << self.bits

    def _join(self, stored: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Where chunks that follow each other begin and end, of those that are no holes."""
        begin = end = 0
        for offset, length in stored:
            if not length:
                continue
            first = offset - offset % self._chunk
            if first > end:
                if end > begin:
                    yield begin, end
                begin = first
            last = offset + length
            end = min(self.size, last + -last % self._chunk)
        if end > begin:
            yield begin, end

    @property
    def has_holes(self) -> bool:
        return self.runs != ((0, self.size),)

    @property
    def taken(self) -> int:
        """The bytes that the file takes in an image."""
        return len(self.map([])) + sum(end - begin for begin, end in self.runs)

    def map(self, starts: Iterable[int]) -> bytes:
        """As it stands behind the inode; `starts` are the blocks where the runs begin."""
        known = bytearray(ENTRY.pack(HOLE)) * -(-self.size // self._chunk)
        blocks = self._chunk // BLOCK
        for (begin, end), start in zip(self.runs, starts, strict=False):
            first, last = begin // self._chunk, -(-end // self._chunk)
            for number in range(first, last):
                ENTRY.pack_into(known, number * ENTRY.size, start + (number - first) * blocks)
        return bytes(known)

    def contents(self, pieces: Iterable[tuple[int, Content]]) -> Iterator[Iterator[Content]]:
        """The content of each run, to be used up before the next; `pieces` are what is stored, with their offsets."""
        source = iter(pieces)
        piece = next(source, None)

        def content(at: int, end: int) -> Iterator[Content]:
            nonlocal piece
            while piece is not None and piece[0] < end:
                offset, stored = piece
                yield from _zeros(offset - at)
                yield stored
                at = offset + len(stored)
                piece = next(source, None)
            yield from _zeros(end - at)

        for begin, end in self.runs:
            yield content(begin, end)


def _zeros(count: int) -> Iterator[Content]:
    zeros = memoryview(bytes(min(count, _PIECE)))
    while count > 0:
        yield zeros[:count]
        count -= len(zeros)
