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

from bundler.archives.stream import Content

BLOCK: Final = 4096
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
_UNKNOWN: Final = bytes(_HASH)

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

    def add_block(self, known: bytes) -> None:
        """Add a block of the lowest level, which is at its end, by its hash; `keep` is not told of it."""
        if len(self._levels) == 1:
            self._levels.append(bytearray())
            self._counts.append(0)
        self._counts[0] += 1
        self.add(known, 1)

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


def _hash_blocks(content: Content | bytearray) -> bytes:
    sha256 = hashlib.sha256
    return b"".join([sha256(content[at : at + BLOCK]).digest() for at in range(0, len(content), BLOCK)])


class BlockHashes:
    """The hashes of a file's blocks while the file is written: a pass over the finished file would take as long again.

    Of each piece of the file whose blocks were all added there is the one hash that the tree has of it; so a gigabyte
    takes 64 KiB. What is not known at the end, or was written twice, is read again.
    """

    def __init__(self) -> None:
        self._pieces = bytearray()
        self._begun: dict[int, tuple[bytearray, int]] = {}  # the hashes of a piece's blocks, and how many are missing
        self._changed: set[int] = set()

    def add(self, address: int, content: Content | bytearray) -> None:
        """Whole blocks are written there for the first time."""
        hashes = _hash_blocks(content)
        piece, place = divmod(address // BLOCK, _HASHES)
        place *= _HASH
        while hashes:
            known, missing = self._begun.pop(piece, (bytearray(BLOCK), _HASHES))
            taken = hashes[: BLOCK - place]
            known[place : place + len(taken)] = taken
            missing -= len(taken) // _HASH
            if missing:
                self._begun[piece] = known, missing
            elif piece not in self._changed:
                self._keep(piece, hashlib.sha256(known).digest())
            hashes = hashes[BLOCK - place :]
            piece, place = piece + 1, 0

    def forget(self, address: int, size: int) -> None:
        """What lies there was changed, or is not going to be added."""
        for piece in range(address // _PIECE, (address + size - 1) // _PIECE + 1):
            self._changed.add(piece)
            self._keep(piece, _UNKNOWN)

    def _keep(self, piece: int, known: bytes) -> None:
        missing = (piece + 1) * _HASH - len(self._pieces)
        if missing > 0:
            self._pieces += bytes(missing)
        self._pieces[piece * _HASH : (piece + 1) * _HASH] = known

    def root(self, descriptor: int, size: int) -> bytes:
        """The root of the tree over the open file, of which all has been written. `size` is a number of blocks."""
        tree = _Tree(lambda _level, _number, _block: None)
        for at in range(0, size, _PIECE):
            place = at // BLOCK // _HASHES * _HASH
            known = bytes(self._pieces[place : place + _HASH])
            if len(known) < _HASH or known == _UNKNOWN or at + _PIECE > size:
                tree.add(_hash_blocks(os.pread(descriptor, min(_PIECE, size - at), at)))
            else:
                tree.add_block(known)
        return tree.finish()


def _root(descriptor: int, size: int, keep: Keep) -> bytes:
    tree = _Tree(keep)
    for window in windows(descriptor, size):
        for start in range(0, len(window), _PIECE):
            tree.add(_hash_blocks(window[start : start + _PIECE]))
    return tree.finish()


def windows(descriptor: int, size: int) -> Iterator[memoryview]:
    """The first `size` bytes of an open file, a part at a time, each good until the next.

    They are mapped, which spares a quarter of the time of hashing them. So no other process may make the file shorter
    meanwhile: that would end this one.
    """
    for at in range(0, size, _WINDOW):
        length = min(_WINDOW, size - at)
        yield memoryview(mmap.mmap(descriptor, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=at))


def fsverity_digest(hashes: BlockHashes, descriptor: int, size: int) -> str:
    """The digest, in hexadecimal, of an open file whose `size` is a number of blocks (`fsverity digest`)."""
    root = hashes.root(descriptor, size)
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
