"""Reading erofs as mkfs.erofs writes it without compression (Linux, fs/erofs/erofs_fs.h)."""

import os
import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from bundler.archives.entry import BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY, FIFO, REGULAR, SYMLINK
from bundler.archives.filesystems.file_system import Count, ExtendedAttributes, Inode, Reads, decode_device, read_at
from bundler.archives.stream import Content, DamagedError

MAGIC: Final = b"\xe2\xe1\xf5\xe0"
OFFSET: Final = 1024
TIME_OFFSET: Final = OFFSET + 24
_SECOND: Final = 10**9
_LATEST: Final = 1 << 33  # seconds: a tar header's number has as many bits
_PIECE: Final = 1 << 20
_BLOCK_BITS: Final = range(9, 17)
_SLOT: Final = 32  # bytes; an inode's number counts them
_SUPERBLOCK: Final = struct.Struct("<4sIIBBHQQIIII")
_INCOMPATIBLE: Final = OFFSET + 80
_COMPACT: Final = struct.Struct("<HHHHIIIIHHI")
_EXTENDED: Final = struct.Struct("<HHHHQIIIIqII16x")
_DIRENT: Final = struct.Struct("<QHBB")
_XATTRS: Final = struct.Struct("<IB7x")
_XATTR: Final = struct.Struct("<BBH")
_KINDS: Final = {
    0o100000: REGULAR,
    0o040000: DIRECTORY,
    0o120000: SYMLINK,
    0o020000: CHARACTER_DEVICE,
    0o060000: BLOCK_DEVICE,
    0o010000: FIFO,
}
_PREFIXES: Final = {
    1: b"user.",
    2: b"system.posix_acl_access",
    3: b"system.posix_acl_default",
    4: b"trusted.",
    6: b"security.",
}
_KEPT: Final = 1024  # attributes that several files have
_LARGEST_KEPT: Final = 4096  # bytes
# How a file's content lies: in blocks, or with its end behind its inode.
_PLAIN, _INLINE = 0, 2


def encode_time(seconds: int) -> bytes:
    """The time at which an image was made, as it stands at TIME_OFFSET."""
    return struct.pack("<QI", seconds, 0)


class Erofs:
    """The file system in an open file."""

    def __init__(self, descriptor: int, count: Count) -> None:
        self._descriptor = descriptor
        self._count = count
        self._shared: OrderedDict[int, tuple[bytes, bytes]] = OrderedDict()
        self._reads = Reads(os.fstat(descriptor).st_size)
        magic, _, _, bits, _, root, _, seconds, fraction, _, inodes, xattrs = _SUPERBLOCK.unpack(
            self._read(OFFSET, _SUPERBLOCK.size)
        )
        (incompatible,) = struct.unpack("<I", self._read(_INCOMPATIBLE, 4))
        if magic != MAGIC or bits not in _BLOCK_BITS:
            raise DamagedError("there is no erofs superblock")
        if incompatible:
            raise DamagedError("the erofs image has features that pack does not use, such as compression")
        self._block = 1 << bits
        self._inodes, self._xattrs = inodes << bits, xattrs << bits
        self._built = seconds * _SECOND + fraction
        self.root = root

    def inode(self, number: int) -> Inode:
        at = self._inodes + number * _SLOT
        (layout,) = struct.unpack("<H", self._read(at, 2))
        if layout & 1:
            _, slots, mode, _, size, start, _, uid, gid, seconds, fraction, links = self._unpack(_EXTENDED, at)
            if not -_LATEST < seconds < _LATEST:
                raise DamagedError("the erofs image has an absurd time")
            mtime = seconds * _SECOND + fraction
        else:
            _, slots, mode, links, size, _, start, _, uid, gid, _ = self._unpack(_COMPACT, at)
            mtime = self._built
        kind = _KINDS.get(mode & 0o170000)
        if kind is None or layout >> 1 & 7 not in (_PLAIN, _INLINE):
            raise DamagedError("the erofs image has a file of an unknown kind")
        after = at + (_EXTENDED.size if layout & 1 else _COMPACT.size)
        length = _XATTRS.size + 4 * (slots - 1) if slots else 0
        return Inode(
            number, kind, mode & 0o7777, uid, gid, mtime, links, size,
            start=(start, after + length if layout >> 1 & 7 == _INLINE else -1),
            device=decode_device(start) if kind in (CHARACTER_DEVICE, BLOCK_DEVICE) else (0, 0),
            xattrs=self._read_xattrs(after, length) if slots else {},
        )  # fmt: skip

    def names(self, directory: Inode) -> Iterator[tuple[bytes, int]]:
        for block in self._pieces(directory, self._block):
            yield from self._block_names(bytes(block))

    def content(self, inode: Inode) -> Iterator[Content]:
        return self._pieces(inode, _PIECE)

    def _pieces(self, inode: Inode, most: int) -> Iterator[Content]:
        """The content, in pieces of `most` bytes, which is a multiple of the block; the last one may be shorter."""
        start, behind = inode.start
        in_blocks = inode.size - inode.size % self._block if behind >= 0 else inode.size
        at = 0
        while at < inode.size:
            if at < in_blocks:
                piece = self._read(start * self._block + at, min(most, in_blocks - at))
            else:
                piece = self._read(behind, inode.size - at)
            at += len(piece)
            yield piece

    def _block_names(self, block: bytes) -> Iterator[tuple[bytes, int]]:
        """A block begins with its entries; names follow them, each up to the next, the last one to a NUL or the end."""
        if len(block) < _DIRENT.size:
            raise DamagedError("a directory of the erofs image is cut off")
        first = _DIRENT.unpack_from(block)[1]
        if first % _DIRENT.size or not _DIRENT.size <= first <= len(block):
            raise DamagedError("a directory of the erofs image is damaged")
        found = list(_DIRENT.iter_unpack(block[:first]))
        ends = [entry[1] for entry in found[1:]] + [len(block)]
        for (number, start, _, _), end in zip(found, ends, strict=True):
            name = block[start:end].partition(b"\0")[0]
            if name not in (b".", b".."):
                yield name, number

    def _read_xattrs(self, at: int, length: int) -> dict[bytes, bytes]:
        head = self._read(at, length)
        shared = _XATTRS.unpack_from(head)[1]
        begin = _XATTRS.size + 4 * shared
        if begin > length:
            raise DamagedError("an extended attribute of the erofs image is damaged")
        attributes = ExtendedAttributes()
        for (number,) in struct.iter_unpack("<I", head[_XATTRS.size : begin]):
            attributes.add(*self._shared_xattr(number))
        place, end = at + begin, at + length
        while place < end:
            name, value, taken = self._read_xattr(place, end)
            attributes.add(name, value)
            place += taken
        return attributes.found

    def _shared_xattr(self, number: int) -> tuple[bytes, bytes]:
        """One that several files have; short ones are kept."""
        known = self._shared.get(number)
        if known is not None:
            return known
        start = self._xattrs + 4 * number
        name, value, _ = self._read_xattr(start, start + _XATTR.size + (1 << 17))
        if len(name) + len(value) <= _LARGEST_KEPT:
            self._shared[number] = name, value
            if len(self._shared) > _KEPT:
                self._shared.popitem(last=False)
        return name, value

    def _read_xattr(self, at: int, end: int) -> tuple[bytes, bytes, int]:
        """Name and value of the attribute at `at`, and what it takes up."""
        length, prefix, size = self._unpack(_XATTR, at)
        if prefix not in _PREFIXES or at + _XATTR.size + length + size > end:
            raise DamagedError("an extended attribute of the erofs image is damaged")
        text = self._read(at + _XATTR.size, length + size)
        taken = _XATTR.size + length + size
        return _PREFIXES[prefix] + text[:length], text[length:], taken + -taken % 4

    def _unpack(self, form: struct.Struct, at: int) -> tuple[int, ...]:
        return form.unpack(self._read(at, form.size))

    def _read(self, at: int, size: int) -> bytes:
        self._count(size)
        self._reads.take(size)
        return read_at(self._descriptor, at, size)
