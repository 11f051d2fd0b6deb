"""The blocks of an erofs image that is being written: whole ones for content, shared ones for what is smaller.

An inode with its attributes and the end of its file is a record of at most a block. It goes into the fullest of a few
blocks that has room for it; so the blocks of small files are nearly full, and nothing waits in memory.
"""

import ctypes
import errno
import os
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Final

from bundler.archives.stream import Content

BITS: Final = 12
BLOCK: Final = 1 << BITS
SLOT: Final = 32  # where a record may begin
_SHORTEST: Final = 64  # bytes of a record, an inode's
_MOST_SHARED: Final = 16
_PIECE: Final = 1 << 20
# linux/falloc.h: FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
_PUNCH_HOLE: Final = 3
_NO_HOLES: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class Blocks:
    """The blocks of an open, empty file. Addresses are bytes; `end` is where the next whole blocks begin. OSError."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._shared: dict[int, bytearray] = {}
        self._rooms: list[tuple[int, int]] = []  # what is left in a shared block, and its address
        self.end = 0

    def add(self, record: bytes) -> int:
        """The address of a new record. One larger than a block has blocks of its own."""
        length = len(record)
        if length > BLOCK:
            address, self.end = self.end, self.end + length + -length % BLOCK
            self._write(address, record)
            return address
        length += -length % SLOT
        place = bisect_left(self._rooms, (length, 0))
        room, block = self._rooms.pop(place) if place < len(self._rooms) else (BLOCK, self._share())
        at = BLOCK - room
        self._shared[block][at : at + len(record)] = record
        room -= length
        if room < _SHORTEST:
            self._write(block, self._shared.pop(block))
        else:
            insort(self._rooms, (room, block))
        return block + at

    def add_block(self) -> int:
        """The address of a block of zeros that holds no records but those put there."""
        address, self.end = self.end, self.end + BLOCK
        self._shared[address] = bytearray(BLOCK)
        return address

    def _share(self) -> int:
        if len(self._rooms) == _MOST_SHARED:
            _, fullest = self._rooms.pop(0)
            self._write(fullest, self._shared.pop(fullest))
        return self.add_block()

    def store(self, content: Iterable[Content], size: int) -> bytes:
        """Write the first `size` bytes into new blocks; gives the others."""
        at, self.end = self.end, self.end + size + -size % BLOCK
        rest = b""
        for piece in content:
            if len(piece) > size:
                rest += piece[size:]
                piece = piece[:size]  # noqa: PLW2901
            if size:
                self._write(at, piece)
                at += len(piece)
                size -= len(piece)
        return rest

    def store_pieces(self, pieces: Iterable[tuple[int, Content]], size: int, behind: int) -> bytes:
        """Write what is at offsets of a file, the first `size` bytes into new blocks; gives the `behind` ones after."""
        start, self.end = self.end, self.end + size + -size % BLOCK
        rest = bytearray(behind)
        for offset, piece in pieces:
            inside = max(0, min(size - offset, len(piece)))
            if inside:
                self._write(start + offset, piece[:inside])
            at = offset + inside - size
            rest[at : at + len(piece) - inside] = piece[inside:]
        return bytes(rest)

    def read(self, address: int, size: int) -> bytes:
        """What was written there."""
        block, at = address & -BLOCK, address % BLOCK
        shared = self._shared.get(block)
        return os.pread(self._descriptor, size, address) if shared is None else bytes(shared[at : at + size])

    def put(self, address: int, content: bytes) -> None:
        """Write `content` over what is there, which is in one record or in whole blocks."""
        block, at = address & -BLOCK, address % BLOCK
        shared = self._shared.get(block)
        if shared is None:
            self._write(address, content)
        else:
            shared[at : at + len(content)] = content

    def erase(self, address: int, size: int) -> None:
        """Make zeros of what is there, which is in one record or in whole blocks; of blocks, a hole where it can be."""
        size += -size % SLOT
        if address % BLOCK or address in self._shared or not self._punch(address, size):
            for at in range(0, size, _PIECE):
                self.put(address + at, bytes(min(_PIECE, size - at)))

    def finish(self) -> None:
        """Write what is still in memory, and give the file its size."""
        for address, block in self._shared.items():
            self._write(address, block)
        self._shared.clear()
        self._rooms.clear()
        os.ftruncate(self._descriptor, self.end)

    def _write(self, address: int, content: Content | bytearray) -> None:
        written = os.pwrite(self._descriptor, content, address)
        while written < len(content):
            written += os.pwrite(self._descriptor, memoryview(content)[written:], address + written)

    def _punch(self, address: int, size: int) -> bool:
        """Whether there is a hole now. Python has no such call."""
        libc = ctypes.CDLL(None, use_errno=True)
        offset, length = ctypes.c_int64(address), ctypes.c_int64(size)
        if not libc.fallocate64(self._descriptor, _PUNCH_HOLE, offset, length):
            return True
        number = ctypes.get_errno()
        if number not in _NO_HOLES:
            raise OSError(number, os.strerror(number))
        return False
