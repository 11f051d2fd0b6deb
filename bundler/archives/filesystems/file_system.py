"""A file system in a file (squashfs, erofs) as the entries of an archive.

No kernel and no other program reads what an attacker may have made: mounting it or giving it to its own tool would
let an attacker talk to a large piece of C as root. What is read here is what `pack` writes, and that is little.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Final, Protocol

from bundler.archives.entry import DIRECTORY, HARD_LINK, NAMESPACES, REGULAR, SYMLINK, Entry
from bundler.archives.stream import Content, DamagedError
from bundler.light_dataclasses import dataclass
from bundler.limits import LONGEST_PATH

_LONGEST_LIST: Final = 1 << 16  # bytes of the names of a file's attributes: Linux lists no more (XATTR_LIST_MAX)
_MOST_ATTRIBUTES: Final = 1 << 20  # bytes of one file's attributes, as in a tar archive
# Honest images are read four times over: an inode for itself, for its content and for its blocks, lists of attributes
# for each file that shares them.
_OVER_AND_OVER: Final = 16
_FREE: Final = 1 << 20  # bytes
MOST_PIECES: Final = 10_000
"""Of a file with holes that are told apart."""
_NO_NAMES: Final = (b"", b".", b"..")

Count = Callable[[int], None]
"""Told how many bytes came out of the file, uncompressed; raises what ends a bomb."""


@dataclass(slots=True)
class Inode:
    """A file, without a name. `number` is the same for all its names; `start` says where the format has its content.

    `mtime` is in nanoseconds, `device` (major, minor).
    """

    number: int
    kind: bytes
    mode: int
    uid: int
    gid: int
    mtime: int
    links: int
    size: int
    start: tuple[int, ...] = ()
    device: tuple[int, int] = (0, 0)
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    sparse: tuple[tuple[int, int], ...] | None = None


class Reads:
    """How much of an image has been read, against what there is: parts that many others share would be read for ever.

    A few kilobytes hold thousands of directories that hold each other's files, or files with each other's attributes.
    """

    def __init__(self, there: int = 0) -> None:
        self._left = _FREE + _OVER_AND_OVER * there

    def found(self, size: int) -> None:
        """`size` more bytes are there."""
        self._left += _OVER_AND_OVER * size

    def take(self, size: int) -> None:
        """Raises DamagedError."""
        self._left -= size
        if self._left < 0:
            raise DamagedError("the parts of the file system are read over and over")


class ExtendedAttributes:
    """The extended attributes of a file while they are read, each once and not too many."""

    def __init__(self) -> None:
        self.found: dict[bytes, bytes] = {}
        self._names = self._size = 0

    def add(self, name: bytes, value: bytes) -> None:
        """Raises DamagedError."""
        self._names += len(name) + 1
        self._size += len(name) + len(value)
        if self._names > _LONGEST_LIST or self._size > _MOST_ATTRIBUTES:
            raise DamagedError("a file has more extended attributes than Linux allows")
        if b"\0" in name or name in NAMESPACES or name in self.found:
            raise DamagedError("a file has an extended attribute of a wrong name, or one twice")
        self.found[name] = value


class FileSystem(Protocol):
    """What a format has to know. Methods raise DamagedError."""

    root: int

    def inode(self, number: int, /) -> Inode: ...

    def names(self, directory: Inode, /) -> Iterator[tuple[bytes, int]]:
        """The names in a directory, in order, with the numbers of their inodes."""
        ...

    def content(self, inode: Inode, /) -> Iterator[Content]:
        """The bytes of a file, only those of `sparse` if that is set, or the target of a symlink."""
        ...


class FileSystemReader:
    """Iterates over the entries as a TarReader does, a directory before what it holds, each directory by name.

    `current` is the inode of the last one if that is a regular file, by its first name.
    Raises DamagedError, also for a directory in two places: a few of them, each twice in the one above, are millions.
    """

    def __init__(self, image: FileSystem) -> None:
        self._image = image
        self.current: Inode | None = None
        self._first: dict[int, bytes] = {}
        self._directories: set[int] = set()

    def __iter__(self) -> Iterator[Entry]:
        root = self._image.inode(self._image.root)
        if root.kind != DIRECTORY:
            raise DamagedError("the root of the file system is not a directory")
        self._directories.add(root.number)
        yield self._entry(b".", root)
        pending = [(b"", self._names(root))]
        while pending:
            above, names = pending[-1]
            name, number = next(names, (b"", 0))
            if not name:
                pending.pop()
                continue
            path, inode = above + name, self._image.inode(number)
            if inode.kind == DIRECTORY:
                if number in self._directories:
                    raise DamagedError("a directory is in the file system twice")
                self._directories.add(number)
                pending.append((path + b"/", self._names(inode)))
            yield self._entry(path, inode)

    def content(self) -> Iterator[Content]:
        """What is stored for the current entry."""
        if self.current is not None:
            yield from self._image.content(self.current)

    def _entry(self, path: bytes, inode: Inode) -> Entry:
        self.current = None
        first = path
        if inode.links > 1 and inode.kind != DIRECTORY:
            first = self._first.setdefault(inode.number, path)
        kind, link_name, size = inode.kind, b"", 0
        if first != path:
            kind, link_name = HARD_LINK, first
        elif kind == SYMLINK:
            if inode.size > LONGEST_PATH:
                raise DamagedError("the target of a symlink is too long")
            link_name = b"".join(self._image.content(inode))
            if b"\0" in link_name:
                raise DamagedError("the target of a symlink holds a NUL")
        elif kind == REGULAR:
            self.current, size = inode, inode.size
        stored = size if inode.sparse is None else sum(length for _, length in inode.sparse)
        return Entry(
            path, kind, inode.mode, inode.uid, inode.gid, size, stored, 0, inode.mtime, inode.mtime, link_name,
            device=inode.device, xattrs=inode.xattrs, sparse=inode.sparse if size else None,
        )  # fmt: skip

    def _names(self, directory: Inode) -> Iterator[tuple[bytes, int]]:
        """The names, checked: a name that leads elsewhere, or two of the same, is how an image lies."""
        before = b""
        for name, number in self._image.names(directory):
            if name in _NO_NAMES or b"/" in name or b"\0" in name or name <= before:
                raise DamagedError("a directory has names that are wrong or not in order")
            before = name
            yield name, number


def read_at(descriptor: int, at: int, size: int) -> bytes:
    """Exactly `size` bytes of the file from `at` on. Raises DamagedError."""
    content = os.pread(descriptor, size, at) if 0 <= at < 1 << 62 else b""
    if len(content) != size:
        raise DamagedError("the file system ends too early")
    return content


def decode_device(number: int) -> tuple[int, int]:
    """Major and minor of a device, as Linux writes them into 32 bits."""
    return (number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & 0xFFF00)


def encode_device(major: int, minor: int) -> int:
    """What decode_device takes apart."""
    return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12


def merge_holes(stored: Iterator[tuple[int, int]], size: int, most: int) -> tuple[tuple[int, int], ...] | None:
    """The (offset, length) of what is stored, pieces that touch made one; None if that is all.

    Behind `most` pieces, the rest of the file counts as stored.
    """
    pieces: list[tuple[int, int]] = []
    for start, length in stored:
        if pieces and sum(pieces[-1]) == start:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + length)
        elif len(pieces) == most:
            pieces[-1] = (pieces[-1][0], size - pieces[-1][0])
            break
        else:
            pieces.append((start, length))
    return None if pieces == [(0, size)] or not size else tuple(pieces)
