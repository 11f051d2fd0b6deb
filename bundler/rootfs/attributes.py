"""File attributes: what a layer says about a file besides its content (image-spec layer.md#file-attributes)."""

# ruff: noqa: PTH101, PTH116 -- a Path cannot stand for a descriptor or hold bytes
import errno
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final

from bundler.archives.entry import NAMESPACES, OF_THE_MACHINE
from bundler.light_dataclasses import dataclass
from bundler.rootfs import acl

CAPABILITY: Final = b"security.capability"
# In `system.` nothing else can be set.
ACLS: Final = frozenset({acl.ACCESS, acl.DEFAULT})


@dataclass(slots=True)
class Attributes:
    """Owner, the 12 bits of mode (None for a symlink, which has none), times in nanoseconds, extended attributes."""

    mode: int | None
    uid: int = 0
    gid: int = 0
    atime: int = 0
    mtime: int = 0
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict)


def implied() -> Attributes:
    """Those of a directory that no layer describes: a fixed time, so that unpacking twice gives the same."""
    return Attributes(mode=0o755)


SetAttributes = Callable[[int | bytes, Attributes], None]
"""Gives a file its attributes. An int is the open file; bytes are a path whose last component is not to be followed."""


def set_attributes(target: int | bytes, attributes: Attributes) -> None:
    """Owner, then mode (chown clears setuid), then xattrs (chown drops security.capability), then times."""
    if isinstance(target, int):
        os.chown(target, attributes.uid, attributes.gid)
        if attributes.mode is not None:
            os.chmod(target, attributes.mode)
        _set_xattrs(target, attributes.xattrs)
        os.utime(target, ns=(attributes.atime, attributes.mtime))
        return
    os.chown(target, attributes.uid, attributes.gid, follow_symlinks=False)
    if attributes.mode is not None:
        chmod_unopened(target, attributes.mode)
    _set_xattrs(target, attributes.xattrs, unopened=True)
    os.utime(target, ns=(attributes.atime, attributes.mtime), follow_symlinks=False)


def set_own(target: int | bytes, attributes: Attributes) -> None:
    """What an ordinary user can do to a file that is his own: all but the owner.

    Extended attributes come before the mode: only a file that may be written to takes them (xattr(7)).
    """
    unopened = not isinstance(target, int)
    _set_xattrs(target, attributes.xattrs, unopened=unopened)
    if attributes.mode is not None:
        if isinstance(target, int):
            os.chmod(target, attributes.mode)
        else:
            chmod_unopened(target, attributes.mode)
    os.utime(target, ns=(attributes.atime, attributes.mtime), follow_symlinks=not unopened)


def set_nothing(target: int | bytes, attributes: Attributes) -> None:
    """Attributes of files that are only looked into."""


def bits_taken() -> int | None:
    """Bits of a mode that a file does not get from being created with it: those of the umask, setuid and setgid.

    None for a user other than root, whose new files are not the 0:0 that most files of an image are.
    """
    if os.geteuid() or os.getegid():
        return None
    return current_umask() | stat.S_ISUID | stat.S_ISGID


def current_umask() -> int:
    """The umask of this process, from /proc: os.umask would have to change it, which other threads would feel."""
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123 -- no Path of the image
        line = next((line for line in status if line.startswith(b"Umask:")), b"Umask: 7777")
    return int(line.split()[1], 8)


def read_attributes(path: bytes, status: os.stat_result | None = None, *, xattrs: bool = True) -> Attributes:
    """Those of `path`, whose last component is not followed; `xattrs` may be denied to who may not read the file.

    `status` is what lstat says of it, if that is known.
    """
    status = status or os.stat(path, follow_symlinks=False)
    try:
        listed = os.listxattr(path, follow_symlinks=False) if xattrs else []
        names = sorted(map(os.fsencode, listed)) if listed else []
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        names = []
    return Attributes(
        None if stat.S_ISLNK(status.st_mode) else stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_atime_ns,
        status.st_mtime_ns,
        {name: os.getxattr(path, name, follow_symlinks=False) for name in names} if names else {},
    )


def is_known(name: bytes) -> bool:
    """Whether Linux has a place for an attribute of that name; archives made on macOS have others (`com.apple.`)."""
    return not name or name.startswith(NAMESPACES) or name in ACLS or name in OF_THE_MACHINE


def is_kept(name: bytes, kind: int, value: bytes) -> bool:
    """Whether a file of the S_IF... type `kind` has the attribute on disk once it was set."""
    if name in OF_THE_MACHINE or (name == acl.ACCESS and acl.is_base(value)):
        return False
    if name in ACLS and (kind == stat.S_IFLNK or not acl.is_known(value)):
        return False
    # user.* exists on regular files and directories only (xattr(7)).
    return kind in (stat.S_IFREG, stat.S_IFDIR) or not name.startswith(b"user.")


def clear_xattrs(target: int | bytes) -> None:
    """Remove what an older layer or a default ACL has set on an open file, or on a path that is not followed."""
    follow = isinstance(target, int)
    try:
        names = os.listxattr(target, follow_symlinks=follow)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return
        raise
    for name in names:
        if os.fsencode(name) not in OF_THE_MACHINE:
            os.removexattr(target, name, follow_symlinks=follow)


def chmod_unopened(path: bytes, mode: int, parent: int | None = None) -> None:
    """Give what is at `path` (in the open directory `parent`) this mode; it must not be a symlink."""
    # chmod follows symlinks, and opening a fifo or a device would hang or act: O_PATH does neither.
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(b"/proc/self/fd/%d" % descriptor, mode)
    finally:
        os.close(descriptor)


def _set_xattrs(target: int | bytes, xattrs: Mapping[bytes, bytes], *, unopened: bool = False) -> None:
    for name, value in sorted(xattrs.items()):
        if name in OF_THE_MACHINE:
            continue
        try:
            if unopened:
                os.setxattr(target, name, value, follow_symlinks=False)
            else:
                os.setxattr(target, name, value)
        except OSError as error:
            if not _may_be_missing(name, error, unopened=unopened):
                raise


def _may_be_missing(name: bytes, error: OSError, *, unopened: bool) -> bool:
    """Whether a container works without the attribute, as it would with Docker and umoci on the same file system.

    A file capability is different: the program would run, and fail at what it has the capability for.
    """
    if error.errno == errno.ENOTSUP:
        return name != CAPABILITY
    # user.* exists on regular files and directories only (xattr(7)), and these are open here.
    return error.errno == errno.EPERM and unopened and name.startswith(b"user.")
