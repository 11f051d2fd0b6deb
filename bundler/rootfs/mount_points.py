"""Where a container's mounts are, in a root filesystem of hostile symlinks; and what is made there to mount onto.

A runtime resolves a destination inside the container as it is by then: what an earlier mount covers is not the root
filesystem's any more. Names are followed here one by one, through home.py, and end where an earlier mount begins.
"""

import errno
import os
import stat
from collections.abc import Callable
from typing import Final, NamedTuple

from bundler.limits import LONGEST_PATH, MOST_LINKS
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.home import Home
from bundler.rootfs.paths import PathError, clean, join

# What the image has in the way: a runtime fails there, too. Any other error is the machine's trouble.
_IN_THE_WAY: Final = frozenset(
    {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
)


class MountSpot(NamedTuple):
    """A path of the container without symlinks, and the one of the mount that it lies on; None: the rootfs has it."""

    path: bytes
    mount: bytes | None


class DeviceNode(NamedTuple):
    """A node: `type` is S_IFIFO, S_IFCHR or S_IFBLK, `numbers` are (major, minor)."""

    type: int
    numbers: tuple[int, int]
    attributes: Attributes


class Mounts:
    """The mounts of a container, one after the other, on the root filesystem `tree`."""

    def __init__(self, tree: Home) -> None:
        self._tree = tree
        self._mounted: set[bytes] = set()

    def locate(self, destination: str) -> MountSpot | None:
        """Where that is now; None where nothing can be mounted. Raises OSError where the machine is the reason."""
        try:
            return self._locate(encoded(destination))
        except PathError:
            return None
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            return None

    def _locate(self, destination: bytes) -> MountSpot:
        above, links = [_Step(b"", None, there=True)], 0
        pending = clean(destination).split(b"/")[::-1]
        while pending:
            name = pending.pop()
            if name == b"..":
                above = above[:-1] or above
            if name in (b"", b".", b".."):
                continue
            step, target = self._enter(above[-1], name)
            if target is None:
                above.append(step)
                continue
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), step.path)
            pending += reversed(target.split(b"/"))
            if target.startswith(b"/"):
                del above[1:]
        return MountSpot(above[-1].path, above[-1].mount)

    def add(self, spot: MountSpot) -> None:
        """Something is mounted there, and covers what was."""
        self._mounted.add(spot.path)

    def _enter(self, above: "_Step", name: bytes) -> "tuple[_Step, bytes | None]":
        """The next step, and where it leads if it is a symlink. Below what is not there, nothing is looked for."""
        path = join(above.path, name)
        if len(path) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path[:80])
        mount = path if path in self._mounted else above.mount
        if mount is not None or not above.there:
            return _Step(path, mount, there=above.there), None
        kind = self._tree.kind(path)
        return _Step(path, None, there=kind != 0), self._tree.read_link(path) if kind == stat.S_IFLNK else None


class _Step(NamedTuple):
    path: bytes
    mount: bytes | None
    there: bool


def encoded(path: str) -> bytes:
    """The bytes of a path out of a JSON document. Raises PathError for what no path can be."""
    try:
        name = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise PathError("it holds half of a character") from None
    if b"\0" in name:
        raise PathError("it holds a NUL")
    if len(name) > LONGEST_PATH:
        raise PathError("it is too long")
    return name


def make(
    tree: Home,
    path: bytes,
    kind: str | DeviceNode,
    *,
    mode: int = 0o755,
    replaced: Callable[[int], bool] = lambda _kind: False,
) -> bytes | None:
    """Make a `directory`, an empty `file`, a device, or else the symlink to `kind`; its path, None if it was not made.

    Missing directories above are made. All but devices are root's, 0755 and of the time 0, as dockerd and runtimes make
    them but for the time; the directory itself has `mode`. What is there stays, unless `replaced` says of its S_IF...
    type that it is in the way. Raises OSError where the machine is the reason.
    """
    try:
        made = tree.resolve(path, create=True)
        there = tree.kind(path)
        if there and not replaced(there):
            return None
        if there:
            tree.remove(path)
        _make(tree, path, kind, mode)
    except PathError:
        return None
    except OSError as error:
        if error.errno not in _IN_THE_WAY:
            raise
        return None
    return made


def _make(tree: Home, path: bytes, kind: str | DeviceNode, mode: int) -> None:
    if isinstance(kind, DeviceNode):
        tree.make_node(path, kind.type, kind.numbers, kind.attributes)
    elif kind == "directory":
        tree.make_directory(path, Attributes(mode=mode))
    elif kind == "file":
        tree.make_file(path, Attributes(mode=0o755), ())
    else:
        tree.make_symlink(path, os.fsencode(kind), Attributes(mode=None))
