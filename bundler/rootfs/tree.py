"""A root filesystem being written: the only place where the names in an image meet the kernel.

1. Directories are reached as directories.py says: no symlink is ever followed by the kernel, and none leads out.
2. The last component is not followed at all: files are created with O_EXCL and O_NOFOLLOW, everything else by calls
   that act on the name itself. What is in the way is removed first. No fifo or device is ever opened.
3. Nobody else writes to the tree: it lies in a directory of mode 0700 that this process has made.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from bundler.archives.entry import FileRow
from bundler.archives.stream import Content, KnownDigest, RunningHash
from bundler.rootfs import acl
from bundler.rootfs.attributes import (
    Attributes,
    bits_taken,
    clear_xattrs,
    implied,
    read_attributes,
)
from bundler.rootfs.directories import Directories, Directory, close_again, open_up
from bundler.rootfs.home import Home
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.owners import Owners, kept
from bundler.rootfs.paths import PathError, join, split
from bundler.rootfs.remove import remove_at
from bundler.rootfs.sparse_files import write, write_pieces

_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_EXISTING_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ROOT: Final = b"."


class Place(NamedTuple):
    """A name in an open directory, there or not. It is good until the next place is located."""

    directory: Directory
    name: bytes

    @property
    def path(self) -> bytes:
        """The path, without a symlink in it but perhaps at its end."""
        return b"" if self.name == _ROOT else join(self.directory.path, self.name)


class Tree(Home[Place]):
    """The tree below an existing directory `root`. As a context, it ends with `finish`; after an error it is closed.

    Methods raise OSError, whose `filename` is a path in the tree, and PathError for what the root cannot be.
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

    def locate(self, path: bytes, *, create: bool = False) -> Place:
        """Where `path` is or would be. `create` makes the directories above it that are missing."""
        if not path:
            return Place(self._directories.root, _ROOT)
        parent, name = split(path)
        return Place(self._find(parent, create=create), name)

    def follow(self, path: bytes, *, create: bool = False) -> bytes:
        """The path of the directory that `path` leads to, the last component followed too, inside the tree."""
        return self._find(path, create=create).path

    def status(self, place: Place) -> os.stat_result | None:
        """What is there, or None."""
        try:
            return os.stat(place.name, dir_fd=place.directory.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def kind(self, place: Place) -> int:
        """The S_IF... type of what is there, or 0."""
        status = self.status(place)
        return stat.S_IFMT(status.st_mode) if status is not None else 0

    def names(self, path: bytes) -> list[bytes]:
        """What a directory holds, sorted."""
        return sorted(map(os.fsencode, os.listdir(self._find(path).descriptor)))  # noqa: PTH208 -- a descriptor

    def remove(self, place: Place) -> None:
        """Remove what is there, directories with all they hold."""
        path = self._below_root(place).path
        self._directories.forget(path)
        if self._inventory is not None:
            self._inventory.remove(path)
        place.directory.changed = True
        remove_at(place.directory.descriptor, place.name)

    def make_directory(self, place: Place, attributes: Attributes) -> bool:
        """Create a directory, or give the one that is there other attributes; whether one was created.

        Raises FileExistsError if something else is there.
        """
        created = place.name != _ROOT and self._make_bare(place)
        directory = self._directories.root
        if place.name != _ROOT:
            directory = self._directories.enter(place.directory, place.name)
        if not created:
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
        return created

    def make_file(
        self,
        place: Place,
        attributes: Attributes,
        content: Iterable[Content],
        *,
        sparse: tuple[tuple[int, int], ...] | None = None,
        size: int = 0,
        digest: RunningHash | None = None,
    ) -> None:
        """Create a regular file of `size`. With `sparse`, `content` is only what lies at its (offset, length).

        `digest` is told of all that a reader of the file will see; None for one of our own. Raises FileExistsError if
        something is there; then nothing of `content` was taken.
        """
        directory, name = self._below_root(place)
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
            found = None if digest is None else digest.hexdigest()
            self._inventory.add(place.path, stat.S_IFREG, attributes, size=size, digest=found)

    def make_row(self, directory: bytes, row: FileRow, content: Iterable[Content]) -> Place:
        """What make_file does for nearly all files of an image: four system calls, and little else."""
        name, mode, uid, gid, size, mtime, _, sha256 = row
        parent = self._find(directory, create=True)
        place = Place(parent, name)
        if not self._is_born_so(parent, uid, gid, mode):
            attributes = Attributes(mode, uid, gid, mtime, mtime)
            self.make_file(place, attributes, content, size=size, digest=KnownDigest(sha256))
            return place
        parent.changed = True
        descriptor = os.open(name, _NEW_FILE, mode, dir_fd=parent.descriptor)
        try:
            for piece in content:
                write(descriptor, piece)
            os.utime(descriptor, ns=(mtime, mtime))
        finally:
            os.close(descriptor)
        if self._inventory is not None:
            self._inventory.add_file(join(parent.path, name), mode, mtime, size, sha256)
        return place

    def make_symlink(self, place: Place, target: bytes, attributes: Attributes) -> None:
        self._below_root(place).directory.changed = True
        os.symlink(target, place.name, dir_fd=place.directory.descriptor)
        attributes = self.owners.adapt(attributes)
        self.owners.set_attributes(self._unopened(place), attributes)
        if self._inventory is not None:
            self._inventory.add(place.path, stat.S_IFLNK, attributes, target=target)

    def make_node(self, place: Place, kind: int, device: tuple[int, int], attributes: Attributes) -> None:
        """Create a fifo or a device: `kind` is S_IFIFO, S_IFCHR or S_IFBLK.

        Where no device can be made, an empty file stands in its place, as with umoci: a runtime can mount one there.
        """
        if self.owners.confined and kind != stat.S_IFIFO:
            self.make_file(place, attributes, ())
            self.owners.skipped["devices"] += 1
            return
        self._below_root(place).directory.changed = True
        os.mknod(place.name, kind | 0o600, os.makedev(*device), dir_fd=place.directory.descriptor)
        attributes = self.owners.adapt(attributes)
        if self._inherits:
            clear_xattrs(self._unopened(place))
        self.owners.set_attributes(self._unopened(place), attributes)
        if self._inventory is not None:
            self._inventory.add(place.path, kind, attributes, device=device)

    def make_hard_link(self, path: bytes, target: bytes) -> None:
        """Make `path` another name of what `target` is; a symlink gets a second name too, it is not followed."""
        source = self.locate(target)
        if self.kind(source) == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, "a directory cannot have two names", target)
        known = source.path
        descriptor = os.dup(source.directory.descriptor)  # the next place may close it
        try:
            place = self._below_root(self.locate(path, create=True))
            place.directory.changed = True
            os.link(
                source.name,
                place.name,
                src_dir_fd=descriptor,
                dst_dir_fd=place.directory.descriptor,
                follow_symlinks=False,
            )
        finally:
            os.close(descriptor)
        if self._inventory is not None:
            self._inventory.link(place.path, known)

    def open_file(self, place: Place, kind: int | None = None) -> int:
        """A descriptor to read what is there, which has to be a regular file: anything else is not opened.

        `kind` is what `kind` has just said.
        """
        if (self.kind(place) if kind is None else kind) != stat.S_IFREG:
            raise OSError(errno.EINVAL, "it is not a regular file", place.path)
        parent = place.directory.descriptor
        mode = open_up(parent, place.name, stat.S_IRUSR) if self.owners.confined else None
        descriptor = os.open(place.name, _EXISTING_FILE, dir_fd=parent)
        if mode is not None:
            os.fchmod(descriptor, mode)
        return descriptor

    def attributes(self, place: Place, status: os.stat_result | None = None, *, xattrs: bool = True) -> Attributes:
        """Those of what is there. Times and mode of a directory are the ones it will have in the end.

        `status` is what `status` said. Without `xattrs`, there are none: to read them takes the permission to read the
        file.
        """
        parent, name = place.directory.descriptor, place.name
        mode = open_up(parent, name, stat.S_IRUSR) if self.owners.confined else None
        attributes = read_attributes(self._unopened(place), status, xattrs=xattrs)
        if mode is not None:
            close_again(parent, name, mode)
            attributes.mode = mode
        if status is not None and not stat.S_ISDIR(status.st_mode):
            return attributes
        directory = self._directories.known(place.path)
        if directory is not None:
            attributes.atime, attributes.mtime = directory.times
            if directory.mode is not None:
                attributes.mode = directory.mode
        return attributes

    def read_link(self, place: Place) -> bytes:
        return os.readlink(place.name, dir_fd=place.directory.descriptor)

    def read(self, place: Place, most: int) -> bytes:
        """At most `most` bytes of the regular file that is there."""
        with os.fdopen(self.open_file(place), "rb") as file:
            return file.read(most)

    def _find(self, path: bytes, *, create: bool = False) -> Directory:
        return self._directories.find(path, self._imply if create else None)

    def _imply(self, parent: Directory, name: bytes) -> None:
        """Make a directory that no entry describes."""
        self.make_directory(Place(parent, name), implied())

    def _make_bare(self, place: Place) -> bool:
        """Whether a directory was made; False if there was one."""
        try:
            os.mkdir(place.name, 0o700, dir_fd=place.directory.descriptor)
        except FileExistsError:
            if self.kind(place) != stat.S_IFDIR:
                raise
            return False
        place.directory.changed = True
        return True

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

    def _below_root(self, place: Place) -> Place:
        if place.name == _ROOT:
            raise PathError("the root filesystem itself can only be a directory")
        return place

    def _unopened(self, place: Place) -> bytes:
        # The link to the descriptor is the kernel's own; what comes after it is not followed by those who use this.
        return b"/proc/self/fd/%d/%s" % (place.directory.descriptor, place.name)
