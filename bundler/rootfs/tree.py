"""A root filesystem being written: the only place where the names in an image meet the kernel.

1. Directories are reached as directories.py says: no symlink is ever followed by the kernel, and none leads out.
2. The last component is not followed at all: files are created with O_EXCL and O_NOFOLLOW, everything else by calls
   that act on the name itself. What is in the way is removed first. No fifo or device is ever opened.
3. No other user writes to the tree: it lies in a directory of mode 0700 that this process has made.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bundler.archives.entry import FileRow
from bundler.archives.stream import Content, KnownDigest, RunningHash
from bundler.rootfs import acl
from bundler.rootfs.attributes import (
    Attributes,
    bits_taken,
    chmod_unopened,
    clear_xattrs,
    implied,
    read_attributes,
)
from bundler.rootfs.directories import Directories, Directory, open_up
from bundler.rootfs.home import Home, Pieces, TreeFile
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.owners import Owners, kept
from bundler.rootfs.paths import PathError, join
from bundler.rootfs.remove import remove_at
from bundler.rootfs.sparse_files import StoredPieces, find_pieces, write, write_pieces

_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_EXISTING_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ROOT: Final = b"."


class Tree(Home):
    """The tree below an existing directory `root`. As a context, it ends with `finish`; after an error it is closed.

    Methods raise OSError, whose `filename` is a path in the tree, and PathError for what the root cannot be. Each
    takes a path and finds its directory anew: the one used last is found by a comparison, and none is held between
    two calls, which may close it.
    """

    def __init__(self, root: Path, owners: Owners | None = None, inventory: Inventory | None = None) -> None:
        """`owners` says what becomes of owners (None: they are kept); `inventory` is told of all that is made."""
        self.owners = owners or kept()
        self._inventory = inventory
        self._directories = Directories(root, confined=self.owners.confined)
        self._taken = bits_taken() if self.owners.kept else None
        self._inherits = False  # whether some directory has a default ACL, which new files in it get

    @classmethod
    def open(cls, root: Path, owners: Owners | None = None, inventory: Inventory | None = None) -> Self:
        """A tree that holds files already, of which nothing is known."""
        tree = cls(root, owners, inventory)
        tree._inherits = True
        return tree

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.finish()
        else:
            self._directories.close()

    def finish(self) -> None:
        """Put the times of all directories right, and close them."""
        try:
            self._directories.put_times()
        finally:
            self._directories.close()

    def resolve(self, path: bytes, *, create: bool = False) -> bytes:
        return _path(*self._find(path, create=create))

    def follow(self, path: bytes, *, create: bool = False) -> bytes:
        return self._follow(path, create=create).path

    def status(self, path: bytes) -> os.stat_result | None:
        """What is at `path`, or None."""
        return _status(*self._find(path))

    def kind(self, path: bytes) -> int:
        return _kind(*self._find(path))

    def names(self, path: bytes) -> list[bytes]:
        return sorted(map(os.fsencode, os.listdir(self._follow(path).descriptor)))  # noqa: PTH208 -- a descriptor

    def remove(self, path: bytes) -> None:
        directory, name = self._find_below_root(path)
        resolved = join(directory.path, name)
        self._directories.forget(resolved)
        if self._inventory is not None:
            self._inventory.remove(resolved)
        directory.changed = True
        remove_at(directory.descriptor, name)

    def make_directory(self, path: bytes, attributes: Attributes) -> bool:
        if not path:
            self._describe_directory(self._directories.root, attributes, is_new=False)
            return False
        return self._make_directory(*self._find(path, create=True), attributes)

    def _make_directory(self, parent: Directory, name: bytes, attributes: Attributes) -> bool:
        created = _make_bare(parent, name)
        self._describe_directory(self._directories.enter(parent, name), attributes, is_new=created)
        return created

    def _describe_directory(self, directory: Directory, attributes: Attributes, *, is_new: bool) -> None:
        if not is_new:
            clear_xattrs(directory.descriptor)
        attributes = self.owners.adapt(attributes)
        self._describe(directory.descriptor, attributes)
        directory.times = (attributes.atime, attributes.mtime)
        directory.changed = True
        directory.hands_down = bool(attributes.gid or (attributes.mode or 0) & stat.S_ISGID)
        if self.owners.confined and attributes.mode is not None and ~attributes.mode & stat.S_IRWXU:
            os.fchmod(directory.descriptor, attributes.mode | stat.S_IRWXU)
            directory.mode = attributes.mode
        else:
            directory.mode = None
        if self._inventory is not None:
            self._inventory.add(directory.path, stat.S_IFDIR, attributes)

    def make_file(
        self,
        path: bytes,
        attributes: Attributes,
        content: Iterable[Content],
        *,
        sparse: tuple[tuple[int, int], ...] | None = None,
        size: int = 0,
        digest: RunningHash | None = None,
    ) -> None:
        directory, name = self._find_below_root(path, create=True)
        directory.changed = True
        # An ordinary user can only set the extended attributes of what he may write to.
        mode = 0o600 if self.owners.confined else attributes.mode or 0
        descriptor = os.open(name, _NEW_FILE, mode, dir_fd=directory.descriptor)
        try:
            attributes = self.owners.adapt(attributes)
            if digest is None and self._inventory is not None:
                digest = self._inventory.digest(size, sparse)
            if sparse is not None:
                write_pieces(descriptor, content, sparse, size, digest)
            else:
                for piece in content:
                    write(descriptor, piece)
                    if digest is not None:
                        digest.update(piece)
            if not attributes.xattrs and self._is_born_so(directory, attributes.uid, attributes.gid, mode):
                os.utime(descriptor, ns=(attributes.atime, attributes.mtime))
            else:
                self._describe(descriptor, attributes)
        finally:
            os.close(descriptor)
        if self._inventory is not None:
            sha256 = None if digest is None else digest.hexdigest()
            self._inventory.add(join(directory.path, name), stat.S_IFREG, attributes, size=size, digest=sha256)

    def make_row(self, directory: bytes, row: FileRow, content: Iterable[Content]) -> None:
        """What make_file does, for nearly all files of an image: four system calls, and little else."""
        name, mode, uid, gid, size, mtime, _, sha256 = row
        parent = self._follow(directory, create=True)
        if not self._is_born_so(parent, uid, gid, mode):
            attributes = Attributes(mode, uid, gid, mtime, mtime)
            self.make_file(join(directory, name), attributes, content, size=size, digest=KnownDigest(sha256))
            return
        parent.changed = True
        descriptor = os.open(name, _NEW_FILE, mode, dir_fd=parent.descriptor)
        try:
            for piece in content:
                write(descriptor, piece)
            os.utime(descriptor, ns=(mtime, mtime))
        finally:
            os.close(descriptor)
        if self._inventory is not None:
            self._inventory.add_file(join(parent.path, name), (uid, gid), row)

    def make_symlink(self, path: bytes, target: bytes, attributes: Attributes) -> None:
        directory, name = self._find_below_root(path, create=True)
        directory.changed = True
        os.symlink(target, name, dir_fd=directory.descriptor)
        attributes = self.owners.adapt(attributes)
        self.owners.set_attributes(_unopened(directory, name), attributes)
        if self._inventory is not None:
            self._inventory.add(join(directory.path, name), stat.S_IFLNK, attributes, target=target)

    def make_node(self, path: bytes, kind: int, device: tuple[int, int], attributes: Attributes) -> None:
        """Where no device can be made, an empty file stands in its place, as with umoci: a runtime can mount one there.

        See `Home.make_node`.
        """
        if self.owners.confined and kind != stat.S_IFIFO:
            self.make_file(path, attributes, ())
            self.owners.skipped["devices"] += 1
            return
        directory, name = self._find_below_root(path, create=True)
        directory.changed = True
        os.mknod(name, kind | 0o600, os.makedev(*device), dir_fd=directory.descriptor)
        attributes = self.owners.adapt(attributes)
        if self._inherits:
            clear_xattrs(_unopened(directory, name))
        self.owners.set_attributes(_unopened(directory, name), attributes)
        if self._inventory is not None:
            self._inventory.add(join(directory.path, name), kind, attributes, device=device)

    def make_hard_link(self, path: bytes, target: bytes) -> None:
        self._find(path, create=True)  # what is above `path` may be what `target` names
        source, source_name = self._find(target)
        if _kind(source, source_name) == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, "a directory cannot have two names", target)
        known = _path(source, source_name)
        descriptor = os.dup(source.descriptor)  # to find the other directory may close it
        try:
            directory, name = self._find_below_root(path)
            directory.changed = True
            os.link(source_name, name, src_dir_fd=descriptor, dst_dir_fd=directory.descriptor, follow_symlinks=False)
        finally:
            os.close(descriptor)
        if self._inventory is not None:
            self._inventory.link(join(directory.path, name), known)

    def open_file(self, path: bytes, kind: int | None = None) -> int:
        """A descriptor to read what is at `path`, which has to be a regular file: anything else is not opened.

        `kind` is what the method `kind` has just said.
        """
        directory, name = self._find(path)
        if (_kind(directory, name) if kind is None else kind) != stat.S_IFREG:
            raise _irregular(directory, name)
        mode = open_up(directory.descriptor, name, stat.S_IRUSR) if self.owners.confined else None
        descriptor = os.open(name, _EXISTING_FILE, dir_fd=directory.descriptor)
        if mode is not None:
            os.fchmod(descriptor, mode)
        # A container that runs may have put a device there meanwhile, and a copy would show it the machine's disk.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _irregular(directory, name)
        return descriptor

    def attributes(self, path: bytes, status: os.stat_result | None = None, *, xattrs: bool = True) -> Attributes:
        """Those of what is at `path`. Times and mode of a directory are the ones it will have in the end.

        `status` is what the method `status` has just said. Without `xattrs`, there are none: to read them takes the
        permission to read the file.
        """
        parent, name = self._find(path)
        mode = open_up(parent.descriptor, name, stat.S_IRUSR) if self.owners.confined else None
        attributes = read_attributes(_unopened(parent, name), status, xattrs=xattrs)
        if mode is not None:
            chmod_unopened(name, mode, parent.descriptor)
            attributes.mode = mode
        if status is not None and not stat.S_ISDIR(status.st_mode):
            return attributes
        directory = self._directories.known(_path(parent, name))
        if directory is not None:
            attributes.atime, attributes.mtime = directory.times
            if directory.mode is not None:
                attributes.mode = directory.mode
        return attributes

    def look(self, path: bytes) -> TreeFile | None:
        """What is at `path`; None if it is not there, or went away meanwhile."""
        status = self.status(path)
        if status is None:
            return None
        kind = stat.S_IFMT(status.st_mode)
        closed = False
        try:
            attributes = self.attributes(path, status)
        except PermissionError:
            closed = True
            attributes = self.attributes(path, status, xattrs=False)
        return TreeFile(
            path,
            kind,
            attributes,
            size=status.st_size if kind == stat.S_IFREG else 0,
            target=self.read_link(path) if kind == stat.S_IFLNK else b"",
            device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if status.st_rdev else (0, 0),
            links=status.st_nlink,
            inode=(status.st_dev, status.st_ino) if kind != stat.S_IFDIR and status.st_nlink > 1 else None,
            closed=closed,
        )

    @contextmanager
    def pieces(self, file: TreeFile) -> Iterator[Pieces]:
        descriptor = self.open_file(file.path, file.kind)
        try:
            pieces = tuple(find_pieces(descriptor, file.size))
            yield pieces, StoredPieces(descriptor, pieces)
        finally:
            os.close(descriptor)

    def read_link(self, path: bytes) -> bytes:
        directory, name = self._find(path)
        return os.readlink(name, dir_fd=directory.descriptor)

    def read(self, path: bytes, most: int, offset: int = 0) -> bytes:
        with os.fdopen(self.open_file(path), "rb") as file:
            if offset >= os.fstat(file.fileno()).st_size:  # an image's number may be more than a seek takes
                return b""
            file.seek(offset)
            return file.read(most)

    def _follow(self, path: bytes, *, create: bool = False) -> Directory:
        """The directory that `path` leads to. It may be closed when the next one is found."""
        return self._directories.find(path, self._imply if create else None)

    def _find(self, path: bytes, *, create: bool = False) -> tuple[Directory, bytes]:
        """The directory that holds `path`, as `_follow` gives it, and the name in it, which is not followed."""
        if not path:
            return self._directories.root, _ROOT
        parent, _, name = path.rpartition(b"/")
        return self._directories.find(parent, self._imply if create else None), name

    def _find_below_root(self, path: bytes, *, create: bool = False) -> tuple[Directory, bytes]:
        if not path:
            raise PathError("the root filesystem itself can only be a directory")
        return self._find(path, create=create)

    def _imply(self, parent: Directory, name: bytes) -> None:
        """Make a directory that no entry describes."""
        self._make_directory(parent, name, implied())

    def _describe(self, descriptor: int, attributes: Attributes) -> None:
        """Set the attributes of an open file or directory, and see to it that it has no others."""
        if self._inherits:
            clear_xattrs(descriptor)
        self._inherits |= acl.DEFAULT in attributes.xattrs
        self.owners.set_attributes(descriptor, attributes)

    def _is_born_so(self, directory: Directory, uid: int, gid: int, mode: int) -> bool:
        """Whether a new file in `directory` has this owner and mode, and no extended attributes, if made with `mode`.

        So have nearly all files of an image, which are root's: it saves a third of the system calls for one.
        """
        return not (self._taken is None or self._inherits or directory.hands_down or uid or gid or mode & self._taken)


def _path(directory: Directory, name: bytes) -> bytes:
    return b"" if name == _ROOT else join(directory.path, name)


def _status(directory: Directory, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _kind(directory: Directory, name: bytes) -> int:
    status = _status(directory, name)
    return stat.S_IFMT(status.st_mode) if status is not None else 0


def _irregular(directory: Directory, name: bytes) -> OSError:
    return OSError(errno.EINVAL, "it is not a regular file", _path(directory, name))


def _make_bare(parent: Directory, name: bytes) -> bool:
    """Whether a directory was made; False if there was one. Raises FileExistsError if something else is there."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent.descriptor)
    except FileExistsError:
        if _kind(parent, name) != stat.S_IFDIR:
            raise
        return False
    parent.changed = True
    return True


def _unopened(directory: Directory, name: bytes) -> bytes:
    # The link to the descriptor is the kernel's own; what comes after it is not followed by those who use this.
    return b"/proc/self/fd/%d/%s" % (directory.descriptor, name)
