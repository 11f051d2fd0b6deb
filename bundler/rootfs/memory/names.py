"""The names of a root filesystem in memory, and how a path is walked among them.

A thousand nested directories are as many small objects, and no symlink leads out of them. What lies behind a name is
for subclasses to say: outline.py knows where in the layers a file's content is, image_tree.py where in an image.
"""

import errno
import os
import stat
from abc import abstractmethod
from typing import Final, Generic, TypeVar

from bundler.archives.entry import NAMESPACES
from bundler.limits import LONGEST_PATH, MOST_LINKS
from bundler.rootfs import acl
from bundler.rootfs.attributes import ACLS, CAPABILITY, Attributes, implied, is_kept
from bundler.rootfs.home import Home
from bundler.rootfs.owners import is_capability
from bundler.rootfs.paths import PathError, join, split

# What the file systems of Linux take (NAME_MAX), and the extended attribute that fits into sixteen pages.
LONGEST_NAME: Final = 255
_LARGEST_XATTR: Final = 65536

File = TypeVar("File")


class Folder(Generic[File]):
    """A directory; the root has no name and is its own parent."""

    __slots__ = ("attributes", "name", "names", "parent")

    def __init__(self, attributes: Attributes, parent: "Folder[File] | None" = None, name: bytes = b"") -> None:
        self.attributes = attributes
        self.parent = parent or self
        self.name = name
        self.names: dict[bytes, File | Folder[File]] = {}

    @property
    def path(self) -> bytes:
        parts = []
        folder = self
        while folder.parent is not folder:
            parts.append(folder.name)
            folder = folder.parent
        return b"/".join(reversed(parts))


class Names(Home, Generic[File]):
    """A tree of which the names are in memory. `File` is what is kept of anything but a directory."""

    def __init__(self) -> None:
        self._root: Folder[File] = Folder(implied())
        # Where the last path led, which is asked for again for each file of a directory.
        self._last: tuple[bytes, Folder[File]] = (b"", self._root)

    @abstractmethod
    def _type(self, file: File) -> int:
        """Its S_IF... type."""

    @abstractmethod
    def _target(self, link: File) -> bytes:
        """Where a symlink leads."""

    @abstractmethod
    def _describe(self, folder: Folder[File], attributes: Attributes) -> None:
        """A directory was made, or given other attributes."""

    @abstractmethod
    def _drop(self, folder: Folder[File], name: bytes) -> None:
        """What had the name in `folder` was removed, with all that it held; it is still there for the last time."""

    @abstractmethod
    def _link(self, folder: Folder[File], name: bytes, file: File, known: bytes) -> None:
        """A file that is at the path `known` was given another name."""

    def resolve(self, path: bytes, *, create: bool = False) -> bytes:
        folder, name = self._find(path, create=create)
        return path_of(folder, name)

    def follow(self, path: bytes, *, create: bool = False) -> bytes:
        return self._follow(path, create=create).path

    def kind(self, path: bytes) -> int:
        node = self._node(path)
        return 0 if node is None else self._kind(node)

    def names(self, path: bytes) -> list[bytes]:
        return sorted(self._follow(path).names)

    def remove(self, path: bytes) -> None:
        folder, name = self._find_below_root(path)
        self._drop(folder, name)
        del folder.names[name]
        self._last = (b"", self._root)

    def make_directory(self, path: bytes, attributes: Attributes) -> bool:
        folder, name = self._find(path, create=True)
        check(attributes, stat.S_IFDIR)
        node = folder.names.get(name) if name else folder
        if node is not None and not isinstance(node, Folder):
            raise exists(folder, name)
        if node is None:
            self._make_folder(folder, name, attributes)
            return True
        self._describe(node, attributes)
        return False

    def make_hard_link(self, path: bytes, target: bytes) -> None:
        self._find(path, create=True)  # what is above `path` may be what `target` names
        source, source_name = self._find(target)
        node = source.names.get(source_name) if source_name else source
        if node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), target)
        if isinstance(node, Folder):
            raise IsADirectoryError(errno.EISDIR, "a directory cannot have two names", target)
        folder, name = self._room(path)
        self._link(folder, name, node, path_of(source, source_name))
        folder.names[name] = node

    def read_link(self, path: bytes) -> bytes:
        node = self._node(path)
        if node is None or isinstance(node, Folder) or self._type(node) != stat.S_IFLNK:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return self._target(node)

    def _kind(self, node: File | Folder[File]) -> int:
        return stat.S_IFDIR if isinstance(node, Folder) else self._type(node)

    def _node(self, path: bytes) -> File | Folder[File] | None:
        folder, name = self._find(path)
        return folder.names.get(name) if name else folder

    def _room(self, path: bytes) -> tuple[Folder[File], bytes]:
        """The folder where something is to be made, and its name, which nothing has yet."""
        folder, name = self._find_below_root(path, create=True)
        if name in folder.names:
            raise exists(folder, name)
        return folder, name

    def _find_below_root(self, path: bytes, *, create: bool = False) -> tuple[Folder[File], bytes]:
        if not path:
            raise PathError("the root filesystem itself can only be a directory")
        return self._find(path, create=create)

    def _find(self, path: bytes, *, create: bool = False) -> tuple[Folder[File], bytes]:
        """The folder that holds `path`, and the name in it, which is not followed; the root has no name."""
        parent, name = split(path)
        if len(name) > LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
        return self._follow(parent, create=create), name

    def _follow(self, path: bytes, *, create: bool = False) -> Folder[File]:
        if self._last[0] != path:
            self._last = (path, self._walk(path, create=create))
        return self._last[1]

    def _walk(self, path: bytes, *, create: bool) -> Folder[File]:
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
            if node is None or isinstance(node, Folder):
                folder = self._enter(folder, name, node, create=create)
                continue
            if self._type(node) != stat.S_IFLNK:
                raise NotADirectoryError(errno.ENOTDIR, "it is not a directory", path_of(folder, name))
            target = self._target(node)
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, "too many symlinks lead to each other", path)
            folder = self._root if target.startswith(b"/") else folder
            pending += target.split(b"/")[::-1]
        return folder

    def _enter(self, folder: Folder[File], name: bytes, node: Folder[File] | None, *, create: bool) -> Folder[File]:
        if node is not None:
            return node
        if not create:
            raise FileNotFoundError(errno.ENOENT, "it does not exist", path_of(folder, name))
        return self._make_folder(folder, name, implied())

    def _make_folder(self, parent: Folder[File], name: bytes, attributes: Attributes) -> Folder[File]:
        path = path_of(parent, name)
        if len(name) > LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
        if len(path) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, "the path is too long", path[:80])
        parent.names[name] = folder = Folder[File](attributes, parent, name)
        self._describe(folder, attributes)
        return folder


def path_of(folder: Folder[File], name: bytes) -> bytes:
    return join(folder.path, name) if name else b""


def exists(folder: Folder[File], name: bytes) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path_of(folder, name))


def check(attributes: Attributes, kind: int) -> None:
    """Raise OSError for extended attributes that the kernel does not take (xattr(7), limits.h)."""
    for name, value in sorted(attributes.xattrs.items()):
        number = _check_acl(name, value, kind) if name in ACLS else _check_xattr(name, value, kind)
        if number:
            raise OSError(number, os.strerror(number))


def _check_xattr(name: bytes, value: bytes, kind: int) -> int:
    if not is_kept(name, kind, value):
        return 0
    if not 0 < len(name) <= LONGEST_NAME:
        return errno.ERANGE
    if len(value) > _LARGEST_XATTR:
        return errno.E2BIG
    if name in NAMESPACES or (name == CAPABILITY and not is_capability(value)):
        return errno.EINVAL
    return 0


def _check_acl(name: bytes, value: bytes, kind: int) -> int:
    if kind == stat.S_IFLNK or not acl.is_known(value):
        return 0
    if not acl.is_form(value) or not acl.is_valid(value):
        return errno.EINVAL
    return errno.EACCES if name == acl.DEFAULT and kind != stat.S_IFDIR else 0


def check_target(target: bytes) -> None:
    """Raise OSError for what the kernel does not make a symlink to: nothing, and what does not fit into a page."""
    if not target or len(target) > LONGEST_PATH:
        number = errno.ENAMETOOLONG if target else errno.ENOENT
        raise OSError(number, os.strerror(number), target)
