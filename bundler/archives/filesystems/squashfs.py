"""Reading squashfs 4.0 as mksquashfs writes it with zstd (Linux, fs/squashfs/squashfs_fs.h)."""

import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from bundler.archives.entry import BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY, FIFO, REGULAR, SYMLINK
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

MAGIC: Final = b"hsqs"
_SECOND: Final = 10**9
_SUPERBLOCK: Final = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_VERSION: Final = 4
_ZSTD: Final = 6
_NONE: Final = 0xFFFFFFFF
_METADATA: Final = 8192
_CACHED: Final = 256  # blocks of metadata
_INODE: Final = struct.Struct("<HHHHII")
_FRAGMENT: Final = struct.Struct("<QII")
_XATTR_ID: Final = struct.Struct("<QII")
_NAMES: Final = struct.Struct("<III")
_NAME: Final = struct.Struct("<HhHH")
# Types of inodes: a basic one, and seven further on an extended one.
_KINDS: Final = {1: DIRECTORY, 2: REGULAR, 3: SYMLINK, 4: BLOCK_DEVICE, 5: CHARACTER_DEVICE, 6: FIFO}
_BASIC: Final = 7
_FORMS: Final = {
    1: struct.Struct("<IIHHI"),
    2: struct.Struct("<IIII"),
    3: struct.Struct("<II"),
    4: struct.Struct("<II"),
    5: struct.Struct("<II"),
    6: struct.Struct("<I"),
    8: struct.Struct("<IIIIHHI"),
    9: struct.Struct("<QQQIIII"),
    10: struct.Struct("<II"),
    11: struct.Struct("<III"),
    12: struct.Struct("<III"),
    13: struct.Struct("<II"),
}
_PREFIXES: Final = (b"user.", b"trusted.", b"security.")
_KEPT_LISTS: Final = 1024  # of attributes, which many files share
_LARGEST_KEPT: Final = 4096  # bytes, about
_ELSEWHERE: Final = 0x100  # the value of an attribute is stored once, with another attribute
_STORED: Final = 1 << 24  # a block that is not compressed


class _Cursor:
    """A place in a table of metadata blocks, which moves on as it is read."""

    def __init__(self, image: "Squashfs", block: int, offset: int) -> None:
        self._image = image
        self._content, self._next = image.metadata(block)
        self._at = offset

    def read(self, size: int) -> bytes:
        self._image.reads.take(size)
        found = self._content[self._at : self._at + size]
        self._at += size
        while len(found) < size:
            missing = size - len(found)
            self._content, self._next = self._image.metadata(self._next)
            found += self._content[:missing]
            self._at = missing
        return found

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self.read(form.size))


class Squashfs:
    """The file system in an open file."""

    def __init__(self, descriptor: int, count: Count) -> None:
        import zstandard  # noqa: PLC0415 -- heavy, and only needed here

        self._decompressor = zstandard.ZstdDecompressor()
        self._content_size, self._error = zstandard.frame_content_size, zstandard.ZstdError
        self._descriptor = descriptor
        self._count = count
        self.reads = Reads()
        self._met: set[int] = set()  # where blocks of metadata begin
        self._lists: OrderedDict[int, dict[bytes, bytes]] = OrderedDict()
        self._cache: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        self._fragment: tuple[int, bytes] = (-1, b"")
        fields = _SUPERBLOCK.unpack(read_at(descriptor, 0, _SUPERBLOCK.size))
        magic, _, _, self._block_size, self._fragment_count, compression, _, _, ids, major, _, root, *tables = fields
        _, id_table, xattr_table, self._inodes, self._directories, self._fragments, _ = tables
        if magic != MAGIC or major != _VERSION:
            raise DamagedError("there is no squashfs superblock")
        if compression != _ZSTD:
            raise DamagedError("the squashfs image is not compressed with zstd, as pack does it")
        if self._block_size not in [1 << bits for bits in range(12, 21)]:
            raise DamagedError("the squashfs image has blocks of an absurd size")
        self.root = root
        self._ids = self._read_ids(id_table, ids)
        self._xattr_table = None if xattr_table == (1 << 64) - 1 else xattr_table

    def inode(self, number: int) -> Inode:
        cursor = _Cursor(self, self._inodes + (number >> 16), number & 0xFFFF)
        what, mode, uid, gid, mtime, _ = cursor.unpack(_INODE)
        kind = _KINDS.get(what - _BASIC if what > _BASIC else what)
        if kind is None or max(uid, gid) >= len(self._ids):
            raise DamagedError("the squashfs image has a file of an unknown kind, or without an owner")
        fields = cursor.unpack(_FORMS[what])
        inode = Inode(number, kind, mode & 0o7777, self._ids[uid], self._ids[gid], mtime * _SECOND, 1, 0)
        xattrs = _NONE
        if kind == DIRECTORY:
            block, inode.links, size, offset, _ = fields if what < _BASIC else (*_pick(fields, 2, 0, 1, 5), 0)
            inode.size, inode.start = max(size - 3, 0), (block, offset)  # the format counts . and ..
            xattrs = _NONE if what < _BASIC else fields[6]
        elif kind == REGULAR:
            start, fragment, offset, inode.size = fields if what < _BASIC else _pick(fields, 0, 4, 5, 1)
            inode.links, xattrs = (1, _NONE) if what < _BASIC else (fields[3], fields[6])
            inode.start = (number, start, fragment, offset)
            inode.sparse = merge_holes(self._stored(inode), inode.size, MOST_PIECES)
        elif kind == SYMLINK:
            inode.links, inode.size = fields
            inode.start = (number,)
            if what > _BASIC:
                cursor.read(min(inode.size, _METADATA))
                (xattrs,) = struct.unpack("<I", cursor.read(4))
        else:
            inode.links = fields[0]
            inode.device = decode_device(fields[1]) if kind != FIFO else (0, 0)
            xattrs = fields[-1] if what > _BASIC else _NONE
        inode.xattrs = {} if xattrs == _NONE else self._xattrs(xattrs)
        return inode

    def names(self, directory: Inode) -> Iterator[tuple[bytes, int]]:
        block, offset = directory.start
        left = directory.size
        cursor = _Cursor(self, self._directories + block, offset)
        while left > 0:
            count, inodes, _ = cursor.unpack(_NAMES)
            left -= _NAMES.size
            for _ in range(min(count, 255) + 1):
                at, _, _, length = cursor.unpack(_NAME)
                yield cursor.read(length + 1), inodes << 16 | at
                left -= _NAME.size + length + 1

    def content(self, inode: Inode) -> Iterator[Content]:
        if inode.kind == SYMLINK:
            yield self._behind(inode).read(inode.size)
            return
        _, at, fragment, offset = inode.start
        # Holes are left out, but for those in the last piece, which may have been one piece too many.
        begin, end = 0, inode.size
        if inode.sparse is not None:
            begin, end = (inode.sparse[-1][0], sum(inode.sparse[-1])) if inode.sparse else (0, 0)
        for index, size in enumerate(self._block_sizes(inode)):
            place = index * self._block_size
            length = min(self._block_size, inode.size - place)
            if size:
                yield self._exactly(self._block(at, size, self._block_size), length)
                at += size & ~_STORED
            elif begin <= place < end:
                self._count(length)
                yield bytes(length)
        if fragment != _NONE and inode.size % self._block_size:
            tail = inode.size % self._block_size
            yield self._exactly(self._fragment_block(fragment)[offset : offset + tail], tail)

    def metadata(self, at: int) -> tuple[bytes, int]:
        """The block of metadata at `at` in the file, and where the next one begins."""
        found = self._cache.get(at)
        if found is not None:
            return found
        (head,) = struct.unpack("<H", read_at(self._descriptor, at, 2))
        size = head & 0x7FFF
        content = read_at(self._descriptor, at + 2, size)
        if not head & 0x8000:
            content = self._decompress(content, _METADATA)
        if not 0 < len(content) <= _METADATA:
            raise DamagedError("a block of the squashfs image is damaged")
        self._count(len(content))
        if at not in self._met:
            self._met.add(at)
            self.reads.found(len(content))
        self._cache[at] = content, at + 2 + size
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return self._cache[at]

    def _behind(self, inode: Inode) -> _Cursor:
        """Where the inode's own fields end."""
        number = inode.start[0]
        cursor = _Cursor(self, self._inodes + (number >> 16), number & 0xFFFF)
        what = cursor.unpack(_INODE)[0]
        cursor.read(_FORMS[what].size)
        return cursor

    def _block_sizes(self, inode: Inode) -> Iterator[int]:
        """The stored size of each block; 0 is one of zeros. What fills no block may lie in a fragment."""
        whole, tail = divmod(inode.size, self._block_size)
        left = whole + (1 if tail and inode.start[2] == _NONE else 0)
        cursor = self._behind(inode)
        while left:
            some = min(left, _METADATA // 4)
            yield from (size for (size,) in struct.iter_unpack("<I", cursor.read(4 * some)))
            left -= some

    def _stored(self, inode: Inode) -> Iterator[tuple[int, int]]:
        """The (offset, length) of what is no hole."""
        place = 0
        for size in self._block_sizes(inode):
            if size:
                yield place, min(self._block_size, inode.size - place)
            place += self._block_size
        if inode.start[2] != _NONE and place < inode.size:
            yield place, inode.size - place

    def _fragment_block(self, number: int) -> bytes:
        """The block that holds the ends of several files; the last one is kept."""
        if self._fragment[0] != number:
            if number >= self._fragment_count:
                raise DamagedError("a file of the squashfs image lies in no fragment")
            start, size, _ = self._row(self._fragments, number, _FRAGMENT)
            self._fragment = number, self._block(start, size, self._block_size)
        return self._fragment[1]

    def _block(self, at: int, size: int, most: int) -> bytes:
        content = read_at(self._descriptor, at, min(size & ~_STORED, most + 1))
        content = content if size & _STORED else self._decompress(content, most)
        self._count(len(content))
        return content

    def _row(self, table: int, number: int, form: struct.Struct) -> tuple[Any, ...]:
        """A row of a table whose blocks are listed at `table`."""
        block, place = divmod(number * form.size, _METADATA)
        (start,) = struct.unpack("<Q", read_at(self._descriptor, table + 8 * block, 8))
        return _Cursor(self, start, place).unpack(form)

    def _read_ids(self, table: int, count: int) -> list[int]:
        return [self._row(table, number, struct.Struct("<I"))[0] for number in range(count)]

    def _xattrs(self, number: int) -> dict[bytes, bytes]:
        """The list of attributes of that number; those that are short are kept, for the other files that have it."""
        known = self._lists.get(number)
        if known is not None:
            return dict(known)
        found = self._read_xattrs(number)
        if sum(map(len, found)) + sum(map(len, found.values())) <= _LARGEST_KEPT:
            self._lists[number] = dict(found)
            if len(self._lists) > _KEPT_LISTS:
                self._lists.popitem(last=False)
        return found

    def _read_xattrs(self, number: int) -> dict[bytes, bytes]:
        if self._xattr_table is None:
            raise DamagedError("the squashfs image lacks its extended attributes")
        start, count, _ = struct.unpack("<QII", read_at(self._descriptor, self._xattr_table, 16))
        if number >= count:
            raise DamagedError("the squashfs image lacks an extended attribute")
        place, count, _ = self._row(self._xattr_table + 16, number, _XATTR_ID)
        cursor = _Cursor(self, start + (place >> 16), place & 0xFFFF)
        attributes = ExtendedAttributes()
        for _ in range(count):
            prefix, length = struct.unpack("<HH", cursor.read(4))
            if prefix & 0xFF >= len(_PREFIXES):
                raise DamagedError("the squashfs image has an attribute of an unknown kind")
            name = _PREFIXES[prefix & 0xFF] + cursor.read(length)
            value = self._value(cursor)
            if prefix & _ELSEWHERE:
                place = int.from_bytes(value[:8], "little")
                value = self._value(_Cursor(self, start + (place >> 16), place & 0xFFFF))
            attributes.add(name, value)
        return attributes.found

    def _value(self, cursor: _Cursor) -> bytes:
        (size,) = struct.unpack("<I", cursor.read(4))
        if size > 1 << 16:  # what Linux allows, XATTR_SIZE_MAX
            raise DamagedError("the squashfs image has an attribute that is too large")
        return cursor.read(size)

    def _decompress(self, content: bytes, most: int) -> bytes:
        """At most `most` bytes: the size that a frame states is not taken on trust."""
        try:
            if self._content_size(content) > most:
                raise DamagedError("a block of the squashfs image is too large")
            return self._decompressor.decompress(content, max_output_size=most)
        except self._error as error:
            raise DamagedError(f"the squashfs image is damaged ({error})") from None

    def _exactly(self, content: bytes, size: int) -> bytes:
        if len(content) != size:
            raise DamagedError("a file of the squashfs image has not the size it states")
        return content


def _pick(fields: tuple[Any, ...], *places: int) -> tuple[Any, ...]:
    return tuple(fields[place] for place in places)
