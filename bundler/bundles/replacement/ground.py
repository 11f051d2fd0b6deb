"""Whether a folder is a place to write to: on the way there, only root and this user may rename what they find.

Who owns a folder, or may write to it, can put a symlink where a bundle is being made, and root's files come out where
the symlink leads. So root makes bundles only where root alone decides. An ordinary user may share a folder with others
of his choice, but not with all. In a folder with the sticky bit, such as /tmp, names belong to their owners.
"""

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, printable
from bundler.limits import MOST_LINKS

_ALL_IDS: Final = ("0", "0", "4294967295")  # the only line of uid_map where root is the machine's
_ACL: Final = "system.posix_acl_access"


def check_ground(folder: Path) -> None:
    """Raise RequestError where another user could exchange `folder`, or what is made in it. Raises OSError."""
    privileged = os.geteuid() == 0 and _is_machines_root()
    for place, status in _way(folder):
        why = _foreign_to_root(place, status) if privileged else _open_to_all(status)
        if why is not None:
            label = printable(str(folder))
            what = f"{label} is no safe place to write to: {printable(str(place))} {why}"
            hint = "do it as that user, or name a folder that only root can change"
            raise RequestError(what, hint=hint if privileged else "name a folder of your own")


def _way(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every directory from the root to `folder`, and every symlink that leads there."""
    current, links = Path("/"), 0
    yield current, current.lstat()
    pending = [*reversed(folder.absolute().parts[1:])]
    while pending:
        name = pending.pop()
        if name in ("", "."):
            continue
        if name == "..":
            current = current.parent
            continue
        place = current / name
        status = place.lstat()
        yield place, status
        if not stat.S_ISLNK(status.st_mode):
            current = place
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
        target = os.readlink(place)  # noqa: PTH115 -- a Path would lose what matters of it
        if target.startswith("/"):
            current = Path("/")
        pending += reversed(target.split("/"))


def _foreign_to_root(place: Path, status: os.stat_result) -> str | None:
    if status.st_uid != 0:
        return f"belongs to {_name(status.st_uid)}"
    if stat.S_ISLNK(status.st_mode):
        return None
    if not status.st_mode & stat.S_ISVTX and status.st_mode & stat.S_IWGRP and _is_shared(place, status):
        return f"may be written to by group {status.st_gid}" if status.st_gid else "may be written to by others"
    return _open_to_all(status)


def _open_to_all(status: os.stat_result) -> str | None:
    open_to_all = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
    return "may be written to by all users" if open_to_all and stat.S_ISDIR(status.st_mode) else None


def _is_shared(place: Path, status: os.stat_result) -> bool:
    """Whether others than root may write where the group may: with an ACL, its bits are those of any entry."""
    return status.st_gid != 0 or _ACL in os.listxattr(place)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _is_machines_root() -> bool:
    """In a user namespace, root is an ordinary user of the machine, whose real root has no id there."""
    try:
        return tuple(Path("/proc/self/uid_map").read_text("ascii").split()) == _ALL_IDS
    except OSError:
        return True
