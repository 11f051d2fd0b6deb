"""A root filesystem in memory: its names, and where in the layers the content of its files lies.

It answers what a tree on disk would, where something is only to be looked up. Nothing is written anywhere, so any
user can make one, a thousand nested directories are as many small objects, and nothing can be left behind.
"""

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bundler.archives.entry import FileRow
from bundler.archives.stream import Content, RunningHash
from bundler.limits import LONGEST_PATH, MOST_LINKS
from bundler.rootfs.attributes import CAPABILITY, Attributes, implied, is_kept
from bundler.rootfs.home import Home
from bundler.rootfs.owners import ignored, is_capability
from bundler.rootfs.paths import PathError, join, split

# What the file systems of Linux take (NAME_MAX), and the link target that fits into a page.
_LONGEST_NAME: Final = 255
_LARGEST_XATTR: Final = 65536


class Folder:
    """A directory; the root has no name and is its own parent."""

    __slots__ = ("name", "names", "parent")

    def __init__(self, parent: "Folder | None" = None, name: bytes = b"") -> None:
        self.parent = parent or self
        self.name = name
        self.names: dict[bytes, Node] = {}

    @property
    def path(self) -> bytes:
        parts = []
        folder = self
        while folder.parent is not folder:
            parts.append(folder.name)
            folder = folder.parent
        return b"/".join(reversed(parts))


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: `content` gives what is stored for it, once it is asked for."""

    content: Iterable[Content]
    size: int
    sparse: tuple[tuple[int, int], ...] | None = None

    def read(self, most: int) -> bytes:
        """At most `most` bytes from its beginning."""
        wanted = min(most, self.size)
        if self.sparse is None:
            return _taken(self.content, wanted)
        stored = _taken(self.content, wanted)
        read = bytearray(wanted)
        at = 0
        for start, length in self.sparse:
            part = stored[at : at + length]
            read[start : start + length] = part[: max(0, wanted - start)]
            at += length
        return bytes(read[:wanted])


Node = Folder | File | bytes | int
"""What has a name. Bytes are a symlink, which leads there; a number is the S_IF... type of anything else."""


class Outline(Home):
    """Attributes and times are checked and forgotten: readers of an outline ask for names and content."""

    def __init__(self) -> None:
        self.owners = ignored()
        self._root = Folder()
        # Where the last path led, which is asked for again for each file of a directory.
        self._last: tuple[bytes, Folder] = (b"", self._root)

    def resolve(self, path: bytes, *, create: bool = False) -> bytes:
        folder, name = self._find(path, create=create)
        return _path(folder, name)

    def follow(self, path: bytes, *, create: bool = False) -> bytes:
        return self._follow(path, create=create).path

    def kind(self, path: bytes) -> int:
        node = self._node(path)
        return 0 if node is None else _kind(node)

    def names(self, path: bytes) -> list[bytes]:
        return sorted(self._follow(path).names)

    def remove(self, path: bytes) -> None:
        folder, name = self._find_below_root(path)
        del folder.names[name]
        self._last = (b"", self._root)

    def make_directory(self, path: bytes, attributes: Attributes) -> bool:
        folder, name = self._find(path, create=True)
        _check(attributes, stat.S_IFDIR)
        node = folder.names.get(name) if name else folder
        if node is not None and not isinstance(node, Folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), _path(folder, name))
        if node is None:
            _new_folder(folder, name)
        return node is None

    def make_file(
        self,
        path: bytes,
        attributes: Attributes,
        content: Iterable[Content],
        *,
        sparse: tuple[tuple[int, int], ...] | None = None,
        size: int = 0,
        digest: RunningHash | None = None,  # noqa: ARG002 -- content is not read here
    ) -> None:
        self._put(path, File(content, size, sparse), attributes, stat.S_IFREG)

    def make_row(self, directory: bytes, row: FileRow, content: Iterable[Content]) -> None:
        self._put(join(directory, row[0]), File(content, row[4]), implied(), stat.S_IFREG)

    def make_symlink(self, path: bytes, target: bytes, attributes: Attributes) -> None:
        if not target or len(target) > LONGEST_PATH:
            number = errno.ENAMETOOLONG if target else errno.ENOENT
            raise OSError(number, os.strerror(number), target)
        self._put(path, target, attributes, stat.S_IFLNK)

    def make_node(self, path: bytes, kind: int, device: tuple[int, int], attributes: Attributes) -> None:  # noqa: ARG002
        self._put(path, kind, attributes, kind)

    def make_hard_link(self, path: bytes, target: bytes) -> None:
        self._find(path, create=True)  # what is above `path` may be what `target` names
        node = self._node(target)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), target)
        if isinstance(node, Folder):
            raise IsADirectoryError(errno.EISDIR, "a directory cannot have two names", target)
        self._put(path, node)

    def _put(self, path: bytes, node: Node, attributes: Attributes | None = None, kind: int = 0) -> None:
        folder, name = self._find_below_root(path, create=True)
        if name in folder.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), _path(folder, name))
        if attributes is not None:
            _check(attributes, kind)
        folder.names[name] = node

    def read(self, path: bytes, most: int) -> bytes:
        node = self._node(path)
        if not isinstance(node, File):
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        return node.read(most)

    def _node(self, path: bytes) -> Node | None:
        folder, name = self._find(path)
        return folder.names.get(name) if name else folder

    def _find_below_root(self, path: bytes, *, create: bool = False) -> tuple[Folder, bytes]:
        if not path:
            raise PathError("the root filesystem itself can only be a directory")
        return self._find(path, create=create)

    def _find(self, path: bytes, *, create: bool = False) -> tuple[Folder, bytes]:
        """The folder that holds `path`, and the name in it, which is not followed; the root has no name."""
        parent, name = split(path)
        if len(name) > _LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
        return self._follow(parent, create=create), name

    def _follow(self, path: bytes, *, create: bool = False) -> Folder:
        if self._last[0] != path:
            self._last = (path, self._walk(path, create=create))
        return self._last[1]

    def _walk(self, path: bytes, *, create: bool) -> Folder:
        """Walk as directories.py does on disk: links are resolved inside the tree, and `..` ends at its root."""
        folder = self._root
        pending = path.split(b"/")[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                folder = folder.parent
                continue
            node = folder.names.get(name)
            if isinstance(node, bytes):
                links += 1
                if links > MOST_LINKS:
                    raise OSError(errno.ELOOP, "too many symlinks lead to each other", path)
                folder = self._root if node.startswith(b"/") else folder
                pending += node.split(b"/")[::-1]
                continue
            folder = self._enter(folder, name, node, create=create)
        return folder

    def _enter(self, folder: Folder, name: bytes, node: Node | None, *, create: bool) -> Folder:
        if node is None and not create:
            raise FileNotFoundError(errno.ENOENT, "it does not exist", _path(folder, name))
        if node is None:
            return _new_folder(folder, name)
        if not isinstance(node, Folder):
            raise NotADirectoryError(errno.ENOTDIR, "it is not a directory", _path(folder, name))
        return node


def _new_folder(parent: Folder, name: bytes) -> Folder:
    path = _path(parent, name)
    if len(name) > _LONGEST_NAME:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
    if len(path) > LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, "the path is too long", path[:80])
    parent.names[name] = folder = Folder(parent, name)
    return folder


def _path(folder: Folder, name: bytes) -> bytes:
    return join(folder.path, name) if name else b""


def _kind(node: Node) -> int:
    if isinstance(node, Folder):
        return stat.S_IFDIR
    if isinstance(node, File):
        return stat.S_IFREG
    return stat.S_IFLNK if isinstance(node, bytes) else node


def _taken(content: Iterable[Content], most: int) -> bytes:
    taken = bytearray()
    for piece in content:
        room = most - len(taken)
        taken += piece[:room]
        if len(piece) > room:  # not before: content is checked at its end
            break
    return bytes(taken)


def _check(attributes: Attributes, kind: int) -> None:
    """Raise OSError for extended attributes that the kernel does not take (xattr(7), limits.h)."""
    for name, value in sorted(attributes.xattrs.items()):
        if not is_kept(name, kind, value):
            continue
        number = 0
        if not 0 < len(name) <= _LONGEST_NAME:
            number = errno.ERANGE
        elif len(value) > _LARGEST_XATTR:
            number = errno.E2BIG
        elif name == CAPABILITY and not is_capability(value):
            number = errno.EINVAL
        if number:
            raise OSError(number, os.strerror(number))
