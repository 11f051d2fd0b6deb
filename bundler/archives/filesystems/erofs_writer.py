"""Writing erofs without compression while the content streams by, for any kernel from 5.4 on (Linux, fs/erofs), or from
5.15 on where a file has holes.

    block 0          superblock, the inode of the root: its number has 16 bits, so it has to lie at the start
    as they come     whole blocks of a file, then its inode with attributes and the end of its content, as one record
    at the end       directories, when the numbers of all that they hold are known; then the superblock

What is said twice counts the second time: content that is removed again becomes zeros, a hole where the disk has holes.
So the bytes depend on what was written and in which order, and on nothing else.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from bundler.archives.filesystems.crc32c import crc32c
from bundler.archives.filesystems.erofs import Inodes
from bundler.archives.filesystems.erofs_blocks import BITS, Blocks
from bundler.archives.filesystems.erofs_chunks import Chunks
from bundler.archives.filesystems.erofs_directory import DirectoryEntry, directory_blocks
from bundler.archives.filesystems.erofs_format import (
    CHECKSUM_OFFSET,
    CHUNKED,
    DIRENT_TYPES,
    EXTENDED,
    HAS_CHECKSUM,
    HAS_CHUNKS,
    HAS_MTIME,
    INCOMPATIBLE_OFFSET,
    INLINE,
    IS_EXTENDED,
    LINKS_OFFSET,
    MAGIC,
    OFFSET,
    PLAIN,
    PREFIXES,
    SECOND,
    SLOT,
    SUPERBLOCK,
    SUPERBLOCK_SIZE,
    UUID_OFFSET,
    XATTR,
    XATTRS,
)
from bundler.archives.filesystems.file_system import Inode, encode_device
from bundler.archives.filesystems.verity import BLOCK, BlockHashes
from bundler.archives.stream import Content

_ROOT: Final = OFFSET + SUPERBLOCK_SIZE
MOST_OF_ROOT: Final = BLOCK - _ROOT - EXTENDED.size  # bytes of the root's attributes, which lie in block 0
_MOST_SLOTS: Final = (1 << 16) - 1  # 4 bytes each, of the attributes of a file
_MOST_BLOCKS: Final = (1 << 32) - 1
_LARGEST_VALUE: Final = (1 << 16) - 1


class InodeAttributes(NamedTuple):
    """What an inode says of itself: `mode` with the type of the file, `mtime` in nanoseconds, `xattrs` encoded."""

    mode: int
    uid: int
    gid: int
    mtime: int
    xattrs: bytes = b""


class _Extent(NamedTuple):
    """How content lies (PLAIN, INLINE), the block where it begins, its size. Of a device, its numbers."""

    layout: int
    start: int
    size: int


class DirectoryPlace(NamedTuple):
    """Where a directory is going to be: its number, and its content."""

    number: int
    extent: _Extent


class ErofsWriter:
    """Writes an image into an open, empty file. Methods raise OSError, EFBIG for what has no room in an image."""

    def __init__(self, descriptor: int, reached: Callable[[int], None] = lambda _end: None) -> None:
        """`reached` is told up to where the file is written, but for what changes once more."""
        self._blocks = Blocks(descriptor, reached)
        self._blocks.add_block()
        self._inodes = Inodes(self._blocks.read, BLOCK, lambda _zeros: None)
        self._count = 0
        self._incompatible = 0

    def add_file(self, attributes: InodeAttributes, content: Iterable[Content], size: int) -> int:
        """Add a regular file, or a symlink with its target; gives its number."""
        layout, whole = _layout(size, len(attributes.xattrs))
        if not whole:  # as with most files, which are small
            return self._add_inode(attributes, _Extent(layout, 0, size), *content)
        start = self._start(whole)
        rest = self._blocks.store(content, whole)
        return self._add_inode(attributes, _Extent(layout, start, size), rest)

    def add_sparse(
        self,
        attributes: InodeAttributes,
        pieces: Iterable[tuple[int, Content]],
        stored: Sequence[tuple[int, int]],
        size: int,
    ) -> int:
        """Add a regular file of which the (offset, length) `stored` are given as `pieces`, with their offsets."""
        chunks = Chunks(stored, size)
        contents = chunks.contents(pieces)
        if not chunks.has_holes:
            return self.add_file(attributes, next(contents), size)
        self._incompatible |= HAS_CHUNKS
        starts = []
        for (begin, end), content in zip(chunks.runs, contents, strict=True):
            starts.append(self._start(end - begin))
            self._blocks.store(content, end - begin)
        return self._add_inode(attributes, _Extent(CHUNKED, chunks.bits, size), chunks.map(starts))

    def add_node(self, attributes: InodeAttributes, device: tuple[int, int] = (0, 0)) -> int:
        """Add a fifo, a socket or a device (major, minor); gives its number."""
        return self._add_inode(attributes, _Extent(PLAIN, encode_device(*device), 0))

    def inode(self, number: int) -> Inode:
        """What was added as that; not a directory."""
        return self._inodes.inode(number)

    def content(self, inode: Inode) -> Iterable[Content]:
        """Its bytes, or the target of a symlink."""
        return self._inodes.content(inode)

    def link(self, number: int, by: int) -> int:
        """Change how many names a file has; gives how many those are. Without any, all that is there becomes zeros."""
        inode = self._inodes.inode(number)
        links = inode.links + by
        address = number * SLOT
        if links:
            self._blocks.put(address + LINKS_OFFSET, links.to_bytes(4, "little"))
            return links
        runs, end = self._inodes.places(inode)
        for start, size in runs:
            self._blocks.erase(start, size + -size % BLOCK)
        self._blocks.erase(address, end - address)
        self._count -= 1
        return 0

    def reserve_directory(self, size: int, xattrs: int, *, is_root: bool = False) -> DirectoryPlace:
        """Make room for a directory of that `size`, whose encoded attributes take `xattrs` bytes.

        Those of the root have at most MOST_OF_ROOT.
        """
        layout, whole = _layout(size, xattrs, BLOCK - _ROOT if is_root else BLOCK)
        start = self._start(whole)
        if whole:
            self._blocks.reserve(whole)
        self._count += 1
        address = _ROOT if is_root else self._blocks.add(bytes(EXTENDED.size + xattrs + size - whole))
        return DirectoryPlace(address // SLOT, _Extent(layout, start, size))

    def write_directory(
        self, place: DirectoryPlace, attributes: InodeAttributes, entries: Sequence[DirectoryEntry]
    ) -> None:
        """Write what the directory holds, its dots included, sorted by name."""
        number, extent = place
        folders = sum(kind == DIRENT_TYPES[stat.S_IFDIR] for _, _, kind in entries)  # each with a `..`, and the dots
        tail, at = b"", extent.start << BITS
        end = at + extent.size - (extent.size % BLOCK if extent.layout == INLINE else 0)
        for block in directory_blocks(entries):
            if at < end:
                self._blocks.put(at, block)
            else:
                tail = block
            at += BLOCK
        self._blocks.put(number * SLOT, _inode(attributes, extent, number, folders) + attributes.xattrs + tail)

    def finish(self, root: DirectoryPlace) -> bytes:
        """Write the superblock; the file is an image then. Gives its UUID."""
        self._start(0)
        features = HAS_CHECKSUM | HAS_MTIME
        blocks = self._blocks.end >> BITS
        superblock = SUPERBLOCK.pack(MAGIC, 0, features, BITS, 0, root.number, self._count, 0, 0, blocks, 0, 0)
        self._blocks.put(OFFSET, superblock)
        self._blocks.put(INCOMPATIBLE_OFFSET, self._incompatible.to_bytes(4, "little"))
        self._blocks.finish()
        uuid = self._blocks.root()[:16]
        self._blocks.put(UUID_OFFSET, uuid)
        checksum = crc32c(self._blocks.read(OFFSET, BLOCK - OFFSET))
        self._blocks.put(CHECKSUM_OFFSET, checksum.to_bytes(4, "little"))
        return uuid

    @property
    def hashes(self) -> BlockHashes:
        """Those of the blocks, once the file is an image."""
        return self._blocks.hashes

    def _add_inode(self, attributes: InodeAttributes, extent: _Extent, *rest: Content) -> int:
        self._count += 1
        inode = _inode(attributes, extent, self._count, 1)
        return self._blocks.add(b"".join((inode, attributes.xattrs, *rest))) // SLOT

    def _start(self, size: int) -> int:
        """The block where so many bytes are going to begin, if there are any."""
        if self._blocks.end + size >> BITS >= _MOST_BLOCKS:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return self._blocks.end >> BITS if size else 0


def encode_xattrs(xattrs: Mapping[bytes, bytes]) -> bytes:
    """The extended attributes as they stand behind an inode. Raises OSError for more than there is room for."""
    if not xattrs:
        return b""
    text = [XATTRS.pack(0, 0)]
    for name, value in sorted(xattrs.items()):
        number, prefix = next(known for known in PREFIXES.items() if name.startswith(known[1]))
        if len(value) > _LARGEST_VALUE:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        name = name.removeprefix(prefix)  # noqa: PLW2901
        entry = XATTR.pack(len(name), number, len(value)) + name + value
        text.append(entry + bytes(-len(entry) % 4))
    encoded = b"".join(text)
    if _slots(encoded) > _MOST_SLOTS:
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
    return encoded


def _layout(size: int, xattrs: int, room: int = BLOCK) -> tuple[int, int]:
    """How content of that size lies, and how much of it in blocks: the rest shares a block with its inode, if it fits.

    The kernel reads the end of a file, and a symlink, from one block (erofs_map_blocks, erofs_fill_symlink).
    """
    rest = size % BLOCK
    if rest and EXTENDED.size + xattrs + rest <= room:
        return INLINE, size - rest
    return PLAIN, size


def _slots(xattrs: bytes) -> int:
    return (len(xattrs) - XATTRS.size) // 4 + 1 if xattrs else 0


def _inode(attributes: InodeAttributes, extent: _Extent, number: int, links: int) -> bytes:
    mode, uid, gid, mtime, xattrs = attributes
    layout, start, size = extent
    form, (seconds, fraction) = layout << 1 | IS_EXTENDED, divmod(mtime, SECOND)
    return EXTENDED.pack(
        form, _slots(xattrs), mode, 0, size, start, number & 0xFFFFFFFF, uid, gid, seconds, fraction, links
    )
