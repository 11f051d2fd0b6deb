"""The digests of a whole file by a tree of hashes, with which the kernel checks each block when it is read.

fs-verity (Linux, Documentation/filesystems/fsverity.rst) has one digest for a file; its tree is the file system's own
matter. dm-verity (Documentation/admin-guide/device-mapper/verity.rst, cryptsetup's verity superblock) has its tree on
the disk, here behind the content of the same file. Both are of sha256, blocks of 4 KiB and no salt: so whoever makes
the same file gets the same digests.
"""

import fcntl
import hashlib
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from bundler.archives.filesystems.erofs_blocks import BLOCK

_HASH: Final = 32
_HASHES: Final = BLOCK // _HASH  # of a block of the tree
_PIECE: Final = BLOCK * _HASHES  # whose blocks have just a block of hashes
_WINDOW: Final = 8 * _PIECE
# Version, algorithm (sha256), bits of a block's size, size of the salt, size of the data, root hash, salt.
_DESCRIPTOR: Final = struct.Struct("<BBBB4xQ64s32s144x")
_SHA256: Final = 1
# Signature, version, type of hash (salt first), UUID, algorithm, sizes of blocks, number of blocks, size of the salt.
_SUPERBLOCK: Final = struct.Struct("<8sII16s32sIIQH6x256s168x")

# linux/fsverity.h: FS_IOC_MEASURE_VERITY, algorithm and size of the digest, which follows.
_MEASURE: Final = 0xC0046686
_MEASURED: Final = struct.Struct("=HH")

Keep = Callable[[int, int, bytes], None]
"""Is told of each block of the tree: its level, the lowest being 0, its number there, and the block."""


class HashTree(NamedTuple):
    """A tree behind the content of a file: where it begins, and the hash that all others depend on."""

    offset: int
    root: str


class _Tree:
    """A tree of hashes while it grows, of which a block for each level is in memory."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._levels = [bytearray()]
        self._counts = [0]

    def add(self, hashes: bytes, level: int = 0) -> None:
        """Add hashes, of which a block holds any number of times as many."""
        if level == len(self._levels):
            self._levels.append(bytearray())
            self._counts.append(0)
        self._levels[level] += hashes
        if len(self._levels[level]) == BLOCK:
            self._close(level)

    def _close(self, level: int) -> None:
        block = bytes(self._levels[level]).ljust(BLOCK, b"\0")
        self._levels[level].clear()
        self._keep(level, self._counts[level], block)
        self._counts[level] += 1
        self.add(hashlib.sha256(block).digest(), level + 1)

    def finish(self) -> bytes:
        """The root: the only hash of its level."""
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > _HASH:
            if self._levels[level]:
                self._close(level)
            level += 1
        return bytes(self._levels[level])


def _root(descriptor: int, size: int, keep: Keep) -> bytes:
    tree = _Tree(keep)
    sha256 = hashlib.sha256
    for window in windows(descriptor, size):
        for start in range(0, len(window), _PIECE):
            piece = window[start : start + _PIECE]
            tree.add(b"".join([sha256(piece[at : at + BLOCK]).digest() for at in range(0, len(piece), BLOCK)]))
    return tree.finish()


def windows(descriptor: int, size: int) -> Iterator[memoryview]:
    """The first `size` bytes of an open file, a part at a time, each good until the next.

    They are mapped, which spares a quarter of the time of hashing them. So no other process may make the file shorter
    meanwhile: that would end this one.
    """
    for at in range(0, size, _WINDOW):
        length = min(_WINDOW, size - at)
        yield memoryview(mmap.mmap(descriptor, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=at))


def fsverity_digest(descriptor: int, size: int) -> str:
    """The digest, in hexadecimal, of an open file whose `size` is a number of blocks (`fsverity digest`)."""
    root = _root(descriptor, size, lambda _level, _number, _block: None)
    descriptor_ = _DESCRIPTOR.pack(1, _SHA256, BLOCK.bit_length() - 1, 0, size, root, b"")
    return hashlib.sha256(descriptor_).hexdigest()


def kernel_digest(descriptor: int) -> str | None:
    """The fs-verity digest of an open file by which the kernel checks each block that it reads, in hexadecimal.

    None where fs-verity is not enabled for the file, or does not go by sha256.
    """
    buffer = bytearray(_MEASURED.pack(0, _HASH) + bytes(_HASH))
    try:
        fcntl.ioctl(descriptor, _MEASURE, buffer)
    except OSError:  # ENODATA: not enabled; ENOTTY and EOPNOTSUPP: the kernel or the file system does not know it
        return None
    return measured_sha256(bytes(buffer))


def measured_sha256(answer: bytes) -> str | None:
    """The digest in what the kernel answers (struct fsverity_digest), if it is of sha256."""
    algorithm, size = _MEASURED.unpack_from(answer)
    return answer[_MEASURED.size :].hex() if (algorithm, size) == (_SHA256, _HASH) else None


def append_hash_tree(descriptor: int, size: int, uuid: bytes) -> HashTree:
    """Add dm-verity's superblock and tree to an open file whose `size` is a number of blocks (`veritysetup format`)."""
    starts: dict[int, int] = {}
    end = size + BLOCK
    for level, count in reversed(list(enumerate(_level_sizes(size // BLOCK)))):
        starts[level] = end
        end += count * BLOCK

    def keep(level: int, number: int, block: bytes) -> None:
        os.pwrite(descriptor, block, starts[level] + number * BLOCK)

    root = _root(descriptor, size, keep)
    superblock = _SUPERBLOCK.pack(b"verity", 1, 1, uuid, b"sha256", BLOCK, BLOCK, size // BLOCK, 0, b"")
    os.pwrite(descriptor, superblock.ljust(BLOCK, b"\0"), size)
    return HashTree(size, root.hex())


def _level_sizes(count: int) -> Iterator[int]:
    """How many blocks each level has, for so many blocks of content; the lowest comes first."""
    while count > 1:
        count = -(-count // _HASHES)
        yield count
