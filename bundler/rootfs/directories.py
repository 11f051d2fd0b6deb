"""The open directories of a tree, and the one way to reach one: component by component, links resolved here.

Every name is the attacker's, and so is every symlink that an earlier entry has put in its way. So a directory is
opened in the one above it with O_NOFOLLOW, beginning at the root's descriptor. Where a component turns out to be a
symlink, it is read and resolved here, on a stack of components: an absolute target starts again at the root of the
tree, `..` stops there, and after 40 links it ends. The kernel never follows a link for us.

For an ordinary user, permission bits hold: a directory that he may not read, write or search is opened up while it is
open here, and gets its own mode back with its times.

Directories that were used last stay open. When one is closed its times are put back as they were, or as its own entry
has set them: writing into a directory changes its mtime, but no layer said so. That needs no memory for the others.
"""

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bundler.disk_space import full_disk
from bundler.errors import BundlerError, LayerError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import LONGEST_PATH, MOST_LINKS
from bundler.rootfs.attributes import chmod_unopened
from bundler.rootfs.paths import join, split

_FORBIDDEN: Final = frozenset({errno.EPERM, errno.EACCES})
# The machine's trouble, not the image's. Everything else was caused by a name, a size or a type in a layer.
_OF_THE_MACHINE: Final = frozenset({errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR})


def explain(error: OSError, where: str) -> BundlerError:
    """The failure to raise for `error`; `where` names the layer and the entry, or the file."""
    reason = printable(error.strerror or str(error))
    filename = error.filename
    if isinstance(filename, bytes) and not filename.startswith(b"/"):
        reason = f"/{printable(filename)}: {reason}"
    if (full := full_disk(error, where)) is not None:
        return full
    if error.errno in _FORBIDDEN:
        hint = "run as root, who may set owners and make devices, or build with --rootless"
        return BundlerError(f"{where}: {reason}", hint=hint)
    if error.errno == errno.ENOTSUP:
        hint = "choose a disk whose file system keeps extended attributes"
        return BundlerError(f"{where}: the file system cannot keep a file capability", hint=hint)
    if error.errno in _OF_THE_MACHINE:
        return BundlerError(f"{where}: {reason}")
    return LayerError(f"{where}: {reason}")


_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_OPEN: Final = 64
_MOST_ALIASES: Final = 4096


@dataclass(slots=True)
class Directory:
    """An open directory; `path` holds no symlink, `times` (atime, mtime) are put back if it was `changed`.

    `mode` is to be put back where it was opened up, else None. `hands_down` says that new files in it may get its
    group: it is setgid, or not of root's group, and then a mount option (`grpid`) may say so.
    """

    descriptor: int
    path: bytes
    times: tuple[int, int]
    changed: bool = False
    mode: int | None = None
    hands_down: bool = False

    def put_back(self) -> None:
        """The mode and the times that the directory is to have."""
        if self.mode is not None:
            os.fchmod(self.descriptor, self.mode)
        if self.changed:
            os.utime(self.descriptor, ns=self.times)


Create = Callable[[Directory, bytes], None]
"""Makes the directory of that name, which is missing, in an open one."""


class Directories:
    """Those below the existing directory `root`. Methods raise OSError, whose `filename` is a path in the tree."""

    def __init__(self, root: Path, *, confined: bool = False) -> None:
        """`confined` says that permission bits hold for this process."""
        descriptor = os.open(root, _OPEN)
        self._confined = confined
        self.root = _directory(descriptor, b"")
        self._open: OrderedDict[bytes, Directory] = OrderedDict()
        self._aliases: dict[bytes, bytes] = {}  # paths through symlinks, and the directories they lead to
        # What was found last, which is asked for again for each file of a directory; None once it may be closed.
        self._last: tuple[bytes, Directory] | None = None

    def find(self, path: bytes, create: Create | None = None) -> Directory:
        """The directory that `path` leads to. With `create`, those that are missing on the way are made."""
        if self._last is not None and self._last[0] == path:
            return self._last[1]
        directory = self._find(path, create) if path else self.root
        self._last = (path, directory)
        return directory

    def _find(self, path: bytes, create: Create | None) -> Directory:
        real = self._aliases.get(path, path)
        known = self._open.get(real)
        if known is not None:
            self._open.move_to_end(real)
            return known
        directory = self._walk(path, create)
        if directory.path != path:
            if len(self._aliases) >= _MOST_ALIASES:
                self._aliases.clear()
            self._aliases[path] = directory.path
        return directory

    def enter(self, parent: Directory, name: bytes) -> Directory:
        """The directory `name`, not a symlink, in `parent`; it becomes the one that was used last."""
        path = join(parent.path, name)
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
            return known
        if len(path) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, "the path is too long", path[:80])
        mode = open_up(parent.descriptor, name, stat.S_IRWXU) if self._confined else None
        descriptor = os.open(name, _OPEN, dir_fd=parent.descriptor)
        directory = self._open[path] = _directory(descriptor, path, mode)
        if len(self._open) > _MOST_OPEN:
            self._last = None
            oldest = next(known for known in self._open.values() if known is not parent)
            oldest.put_back()
            os.close(self._open.pop(oldest.path).descriptor)
        return directory

    def known(self, path: bytes) -> Directory | None:
        """The directory at `path`, which holds no symlink, if it is open; any other is on disk as it is to be."""
        return self._open.get(path) if path else self.root

    def forget(self, path: bytes) -> None:
        """Close `path` and all below it: what is there is about to be removed."""
        self._aliases.clear()
        self._last = None
        below = path + b"/"
        for known in [known for known in self._open if known == path or known.startswith(below)]:
            os.close(self._open.pop(known).descriptor)

    def put_times(self) -> None:
        for directory in (self.root, *self._open.values()):
            directory.put_back()

    def close(self) -> None:
        self._last = None
        for directory in (self.root, *self._open.values()):
            os.close(directory.descriptor)
        self._open.clear()

    def _walk(self, path: bytes, create: Create | None) -> Directory:
        current, pending = self._start(path)
        links = 0
        while pending:
            name = pending.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                current = self.find(split(current.path)[0])
                continue
            target = self._link_target(current, name, create)
            if target is None:
                current = self.enter(current, name)
                continue
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, "too many symlinks lead to each other", path)
            if target.startswith(b"/"):
                current = self.root
            pending += reversed(target.split(b"/"))
        return current

    def _start(self, path: bytes) -> tuple[Directory, list[bytes]]:
        """The nearest open directory above `path`, and the components that remain, the next one last."""
        above = path
        remaining: list[bytes] = []
        while above:
            known = self._open.get(above)
            if known is not None:
                return known, remaining
            above, name = split(above)
            remaining.append(name)
        return self.root, remaining

    def _link_target(self, parent: Directory, name: bytes, create: Create | None) -> bytes | None:
        """The target of a symlink; None for a directory, which `create` makes if it is missing."""
        path = join(parent.path, name)
        if path in self._open:
            return None
        try:
            mode = os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False).st_mode
        except FileNotFoundError:
            if create is None:
                raise FileNotFoundError(errno.ENOENT, "it does not exist", path) from None
            create(parent, name)
            return None
        if stat.S_ISLNK(mode):
            return os.readlink(name, dir_fd=parent.descriptor)
        if not stat.S_ISDIR(mode):
            raise NotADirectoryError(errno.ENOTDIR, "it is not a directory", path)
        return None


def open_up(parent: int, name: bytes, bits: int) -> int | None:
    """Add `bits` to the mode of what is there, not a symlink; the mode it had if that made a difference."""
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode) or not ~mode & bits:
        return None
    chmod_unopened(name, mode | bits, parent)
    return mode


def _directory(descriptor: int, path: bytes, mode: int | None = None) -> Directory:
    status = os.fstat(descriptor)
    return Directory(
        descriptor,
        path,
        (status.st_atime_ns, status.st_mtime_ns),
        mode=mode,
        hands_down=bool(status.st_gid or status.st_mode & stat.S_ISGID),
    )
