"""Reading erofs as mkfs.erofs, without compression, and erofs_writer.py write it (Linux, fs/erofs/erofs_fs.h)."""

import os
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from bundler.archives.entry import BLOCK_DEVICE, CHARACTER_DEVICE, REGULAR, TAR_TYPES
from bundler.archives.filesystems.erofs_chunks import BITS, ENTRY, HOLE
from bundler.archives.filesystems.erofs_format import (
    CHUNKED,
    COMPACT,
    DIRENT,
    EXTENDED,
    HAS_CHUNKS,
    INCOMPATIBLE_OFFSET,
    INLINE,
    IS_EXTENDED,
    MAGIC,
    OFFSET,
    PLAIN,
    PREFIXES,
    SECOND,
    SLOT,
    SUPERBLOCK,
    XATTR,
    XATTRS,
)
from bundler.archives.filesystems.file_system import (
    MOST_PIECES,
    Count,
    ExtendedAttributes,
    Inode,
    Reads,
    decode_device,
    merge_holes,
    read_at,
)
from bundler.archives.stream import Content, DamagedError

_PIECE: Final = 1 << 20
_BLOCK_BITS: Final = range(9, 17)
_ENTRIES: Final = 1 << 16  # of a map of chunks that are read at once
_KEPT: Final = 1024  # attributes that several files have
_LARGEST_KEPT: Final = 4096  # bytes


class Inodes:
    """The inodes of an image, and what they name; `read` gives the bytes at an address, `zeros` is told of holes."""

    def __init__(self, read: Callable[[int, int], bytes], block: int, zeros: Count) -> None:
        """Blocks have `block` bytes. Where things begin is what nearly all images have: at the start."""
        self._read = read
        self._block = block
        self._zeros = zeros
        self._inodes = self._xattrs = self._built = 0
        self._shared: OrderedDict[int, tuple[bytes, bytes]] = OrderedDict()

    def inode(self, number: int) -> Inode:
        at = self._inodes + number * SLOT
        (layout,) = struct.unpack("<H", self._read(at, 2))
        if layout & IS_EXTENDED:
            _, slots, mode, _, size, start, _, uid, gid, seconds, fraction, links = self._unpack(EXTENDED, at)
            mtime = seconds * SECOND + fraction
        else:
            _, slots, mode, links, size, _, start, _, uid, gid, _ = self._unpack(COMPACT, at)
            mtime = self._built
        kind = TAR_TYPES.get(mode & 0o170000)
        after = at + (EXTENDED.size if layout & IS_EXTENDED else COMPACT.size)
        layout = layout >> 1 & 7
        if kind is None or layout not in (PLAIN, INLINE, CHUNKED) or (layout == CHUNKED and kind != REGULAR):
            raise DamagedError("the erofs image has a file of an unknown kind")
        length = XATTRS.size + 4 * (slots - 1) if slots else 0
        inode = Inode(
            number, kind, mode & 0o7777, uid, gid, mtime, links, size,
            start=(layout, start, after + length),
            device=decode_device(start) if kind in (CHARACTER_DEVICE, BLOCK_DEVICE) else (0, 0),
            xattrs=self._read_xattrs(after, length) if slots else {},
        )  # fmt: skip
        if layout == CHUNKED:
            stored = ((at, size) for at, size, start in self._chunks(inode) if start is not None)
            inode.sparse = merge_holes(stored, size, MOST_PIECES)
        return inode

    def names(self, directory: Inode) -> Iterator[tuple[bytes, int]]:
        for block in self._pieces(directory, self._block):
            yield from self._block_names(bytes(block))

    def content(self, inode: Inode) -> Iterator[Content]:
        return self._pieces(inode, _PIECE) if inode.start[0] != CHUNKED else self._chunked(inode)

    def places(self, inode: Inode) -> tuple[list[tuple[int, int]], int]:
        """The (address, size) of all its content in blocks, and where what stands behind the inode ends."""
        layout, start, end = inode.start
        if layout == CHUNKED:
            chunks = list(self._chunks(inode))
            return [(at, size) for _, size, at in chunks if at is not None], end + len(chunks) * ENTRY.size
        rest = inode.size % self._block if layout == INLINE else 0
        return [(start * self._block, inode.size - rest)] if inode.size > rest else [], end + rest

    def _pieces(self, inode: Inode, most: int) -> Iterator[Content]:
        """The content, in pieces of `most` bytes, which is a multiple of the block; the last one may be shorter."""
        layout, start, end = inode.start
        rest = inode.size % self._block if layout == INLINE else 0
        in_blocks = inode.size - rest
        at = 0
        while at < inode.size:
            if at < in_blocks:
                piece = self._read(start * self._block + at, min(most, in_blocks - at))
            else:
                piece = self._read(end, rest)
            at += len(piece)
            yield piece

    def _chunks(self, inode: Inode) -> Iterator[tuple[int, int, int | None]]:
        """Of each chunk its offset in the file, its size, and its address, which a hole has not."""
        _, form, at = inode.start
        chunk = self._block << (form & BITS)
        at += -at % ENTRY.size
        for begin in range(0, inode.size, chunk * _ENTRIES):
            count = min(_ENTRIES, -(-(inode.size - begin) // chunk))
            for number, (start,) in enumerate(ENTRY.iter_unpack(self._read(at, count * ENTRY.size))):
                offset = begin + number * chunk
                address = None if start == HOLE else start * self._block
                yield offset, min(chunk, inode.size - offset), address
            at += count * ENTRY.size

    def _chunked(self, inode: Inode) -> Iterator[Content]:
        """What is stored; of the holes those in the last piece, which may have been one piece too many."""
        begin, end = 0, inode.size
        if inode.sparse is not None:
            begin, end = (inode.sparse[-1][0], sum(inode.sparse[-1])) if inode.sparse else (0, 0)
        for offset, size, address in self._chunks(inode):
            for at in range(0, size, _PIECE):
                length = min(_PIECE, size - at)
                if address is not None:
                    yield self._read(address + at, length)
                elif begin <= offset < end:
                    self._zeros(length)
                    yield bytes(length)

    def _block_names(self, block: bytes) -> Iterator[tuple[bytes, int]]:
        """A block begins with its entries; names follow them, each up to the next, the last one to a NUL or the end."""
        if len(block) < DIRENT.size:
            raise DamagedError("a directory of the erofs image is cut off")
        first = DIRENT.unpack_from(block)[1]
        if first % DIRENT.size or not DIRENT.size <= first <= len(block):
            raise DamagedError("a directory of the erofs image is damaged")
        found = list(DIRENT.iter_unpack(block[:first]))
        ends = [entry[1] for entry in found[1:]] + [len(block)]
        for (number, start, _, _), end in zip(found, ends, strict=True):
            name = block[start:end].partition(b"\0")[0]
            if name not in (b".", b".."):
                yield name, number

    def _read_xattrs(self, at: int, length: int) -> dict[bytes, bytes]:
        head = self._read(at, length)
        shared = XATTRS.unpack_from(head)[1]
        begin = XATTRS.size + 4 * shared
        if begin > length:
            raise DamagedError("an extended attribute of the erofs image is damaged")
        attributes = ExtendedAttributes()
        for (number,) in struct.iter_unpack("<I", head[XATTRS.size : begin]):
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
        name, value, _ = self._read_xattr(start, start + XATTR.size + (1 << 17))
        if len(name) + len(value) <= _LARGEST_KEPT:
            self._shared[number] = name, value
            if len(self._shared) > _KEPT:
                self._shared.popitem(last=False)
        return name, value

    def _read_xattr(self, at: int, end: int) -> tuple[bytes, bytes, int]:
        """Name and value of the attribute at `at`, and what it takes up."""
        length, prefix, size = self._unpack(XATTR, at)
        if prefix not in PREFIXES or at + XATTR.size + length + size > end:
            raise DamagedError("an extended attribute of the erofs image is damaged")
        text = self._read(at + XATTR.size, length + size)
        taken = XATTR.size + length + size
        return PREFIXES[prefix] + text[:length], text[length:], taken + -taken % 4

    def _unpack(self, form: struct.Struct, at: int) -> tuple[int, ...]:
        return form.unpack(self._read(at, form.size))


class Erofs(Inodes):
    """The file system in an open file."""

    def __init__(self, descriptor: int, count: Count) -> None:
        self._descriptor = descriptor
        self._count = count
        self._reads = Reads(os.fstat(descriptor).st_size)
        magic, _, _, bits, _, root, _, seconds, fraction, _, inodes, xattrs = SUPERBLOCK.unpack(
            self._read_counted(OFFSET, SUPERBLOCK.size)
        )
        (incompatible,) = struct.unpack("<I", self._read_counted(INCOMPATIBLE_OFFSET, 4))
        if magic != MAGIC or bits not in _BLOCK_BITS:
            raise DamagedError("there is no erofs superblock")
        if incompatible & ~HAS_CHUNKS:
            raise DamagedError("the erofs image has features that pack does not use, such as compression")
        super().__init__(self._read_counted, 1 << bits, self._take)
        self._inodes, self._xattrs = inodes << bits, xattrs << bits
        self._built = seconds * SECOND + fraction
        self.root = root

    def _read_counted(self, at: int, size: int) -> bytes:
        self._take(size)
        return read_at(self._descriptor, at, size)

    def _take(self, size: int) -> None:
        self._count(size)
        self._reads.take(size)
