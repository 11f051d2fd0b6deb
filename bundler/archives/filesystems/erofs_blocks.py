"""The blocks of an erofs image that is being written: whole ones for content, shared ones for what is smaller.

An inode with its attributes and the end of its file is a record of at most a block. It goes into the fullest of a few
blocks that has room for it; so the blocks of small files are nearly full, and nothing waits in memory.

What is appended is written, and hashed for verity, a window at a time: a call for each small file would cost more than
its bytes. A block that is still shared then is written again once it is full.
"""

import ctypes
import errno
import os
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from bundler.archives.filesystems.verity import BLOCK, BlockHashes
from bundler.archives.stream import Content

BITS: Final = BLOCK.bit_length() - 1
SLOT: Final = 32  # where a record may begin
_SHORTEST: Final = 64  # bytes of a record, an inode's
_MOST_SHARED: Final = 16
_PIECE: Final = 1 << 20
_WINDOW: Final = 2 << 20
# Content of so many bytes is not copied into the window first.
_LARGE: Final = 256 << 10
# linux/falloc.h: FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
_PUNCH_HOLE: Final = 3
_NO_HOLES: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class Blocks:
    """The blocks of an open, empty file. Addresses are bytes; `end` is where the next whole blocks begin. OSError.

    `hashes` are those of all blocks, once `finish` was called.
    """

    def __init__(self, descriptor: int, reached: Callable[[int], None] = lambda _end: None) -> None:
        """`reached` is told up to where the file is written."""
        self.hashes = BlockHashes()
        self._reached = reached
        self._descriptor = descriptor
        self._shared: dict[int, bytearray] = {}
        self._rooms: list[tuple[int, int]] = []  # what is left in a shared block, and its address
        self.end = 0
        self._window = memoryview(bytearray(_WINDOW))  # of the file, from `_begin` to `end`: not written yet
        self._begin = 0

    def add(self, record: bytes) -> int:
        """The address of a new record. One larger than a block has blocks of its own."""
        length = len(record)
        if length > BLOCK:
            address = self.end
            self.store((record,), length)
            return address
        length += -length % SLOT
        place = bisect_left(self._rooms, (length, 0))
        room, block = self._rooms.pop(place) if place < len(self._rooms) else (BLOCK, self._share())
        at = BLOCK - room
        self._shared[block][at : at + len(record)] = record
        room -= length
        if room < _SHORTEST:
            self._complete(block)
        else:
            insort(self._rooms, (room, block))
        return block + at

    def add_block(self) -> int:
        """The address of a block of zeros that holds no records but those put there."""
        address = self._place(BLOCK)
        self._shared[address] = bytearray(BLOCK)
        return address

    def reserve(self, size: int) -> int:
        """The address of whole blocks for `size` bytes, which are to be put there."""
        self._flush()
        address = self.end
        size += -size % BLOCK
        self.end = self._begin = address + size
        if size:
            self.hashes.forget(address, size)
        return address

    def _share(self) -> int:
        if len(self._rooms) == _MOST_SHARED:
            self._complete(self._rooms.pop(0)[1])
        return self.add_block()

    def _complete(self, address: int) -> None:
        block = self._shared.pop(address)
        at = address - self._begin
        if at >= 0:
            self._window[at : at + BLOCK] = block
        else:
            self._append(address, block)

    def store(self, content: Iterable[Content], size: int) -> bytes:
        """Write the first `size` bytes into new blocks; gives the others, which are less than a block."""
        if size >= _LARGE:
            return self._store_large(content, size)
        at = self._place(size + -size % BLOCK) - self._begin
        end = at + size
        rest = b""
        for piece in content:
            length = len(piece)
            if at + length <= end:
                self._window[at : at + length] = piece
                at += length
            else:
                self._window[at:end] = piece[: end - at]
                rest += piece[end - at :]
                at = end
        if size % BLOCK:
            self._window[end : end + -size % BLOCK] = bytes(-size % BLOCK)
        return rest

    def _store_large(self, content: Iterable[Content], size: int) -> bytes:
        self._flush()
        rest = b""
        for piece in _in_blocks(content):
            blocks = piece
            if len(piece) < BLOCK:
                if not size % BLOCK:
                    rest = bytes(piece)
                    break
                blocks = bytes(piece).ljust(BLOCK, b"\0")
            self._append(self.end, blocks)
            self.end += len(blocks)
        self._begin = self.end
        self._reached(self.end)
        return rest

    def _place(self, size: int) -> int:
        """The address of new blocks in the window, for `size` bytes."""
        if self.end + size - self._begin > _WINDOW:
            self._flush()
        address = self.end
        self.end += size
        return address

    def read(self, address: int, size: int) -> bytes:
        """What was written there."""
        block, at = address & -BLOCK, address % BLOCK
        shared = self._shared.get(block)
        if shared is not None:
            return bytes(shared[at : at + size])
        self._flush()
        return os.pread(self._descriptor, size, address)

    def put(self, address: int, content: bytes) -> None:
        """Write `content` over what is there, which is in one record or in whole blocks."""
        block, at = address & -BLOCK, address % BLOCK
        shared = self._shared.get(block)
        if shared is None:
            self._flush()
            self._write(address, content)
            self.hashes.forget(address, len(content))
        else:
            shared[at : at + len(content)] = content

    def erase(self, address: int, size: int) -> None:
        """Make zeros of what is there, which is in one record or in whole blocks; of blocks, a hole where it can be."""
        size += -size % SLOT
        if address % BLOCK == 0 and address not in self._shared:
            self._flush()
            if self._punch(address, size):
                self.hashes.forget(address, size)
                return
        for at in range(0, size, _PIECE):
            self.put(address + at, bytes(min(_PIECE, size - at)))

    def finish(self) -> None:
        """Write what is still in memory, and give the file its size."""
        self._rooms.clear()
        for address in list(self._shared):
            self._complete(address)
        self._flush()
        os.ftruncate(self._descriptor, self.end)

    def root(self) -> bytes:
        """The root of the tree of hashes, once all is written."""
        return self.hashes.root(self._descriptor, self.end)

    def _flush(self) -> None:
        """Write the window, and begin the next one."""
        size = self.end - self._begin
        if not size:
            return
        view = self._window[:size]
        self._write(self._begin, view)
        at = 0
        shared = sorted(address - self._begin for address in self._shared if address >= self._begin)
        for place in (*shared, size):
            if place > at:
                self.hashes.add(self._begin + at, view[at:place])
            at = place + BLOCK
        self._begin = self.end
        self._reached(self.end)

    def _append(self, address: int, blocks: Content | bytearray) -> None:
        self._write(address, blocks)
        self.hashes.add(address, blocks)

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


def _in_blocks(pieces: Iterable[Content]) -> Iterator[Content | bytearray]:
    """The same bytes in pieces of whole blocks; the last may be less than one."""
    begun = bytearray()
    for piece in pieces:
        if begun:
            taken = BLOCK - len(begun)
            begun += piece[:taken]
            piece = piece[taken:]  # noqa: PLW2901
            if len(begun) < BLOCK:
                continue
            yield begun
            begun = bytearray()
        whole = len(piece) & -BLOCK
        if whole:
            yield piece[:whole]
        begun += piece[whole:]
    if begun:
        yield begun
