"""Removing a directory with all it holds, however hostile: nothing is followed, opened or left by a wrong door.

Only one directory is open at a time, so a tree a thousand levels deep needs neither a thousand descriptors nor
recursion. The way back up is `..`, believed only if it is the directory that was come from.
"""

# ruff: noqa: PTH101 -- a Path cannot stand for a descriptor

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Final

from bundler.disk_space import writing_below
from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import chmod_unopened

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class _Level:
    """A directory on the way down, and those of its subdirectories that are left to remove."""

    name: bytes
    identity: tuple[int, int]
    subdirectories: list[bytes] = field(default_factory=list)


class _Cursor:
    """The one open directory, which moves down and up again."""

    def __init__(self, parent: int) -> None:
        self.descriptor = os.dup(parent)
        self._mount = _mount(parent)

    def enter(self, name: bytes) -> None:
        self._move(_open_directory(self.descriptor, name))
        if _mount(self.descriptor) != self._mount:
            raise OSError(errno.EBUSY, "something is mounted there", name)
        if ~os.fstat(self.descriptor).st_mode & stat.S_IRWXU:
            os.chmod(self.descriptor, stat.S_IRWXU)

    def leave(self, above: tuple[int, int]) -> None:
        self._move(os.open(b"..", _DIRECTORY, dir_fd=self.descriptor))
        if _identity(self.descriptor) != above:
            raise OSError(errno.EBUSY, "a directory was moved while it was being removed")

    def close(self) -> None:
        os.close(self.descriptor)

    def _move(self, descriptor: int) -> None:
        os.close(self.descriptor)
        self.descriptor = descriptor


@contextmanager
def temporary_folder(parent: Path | None = None, prefix: str = "bundler-") -> Iterator[Path]:
    """A new folder of mode 0700, removed with all that was put into it; tempfile's own would recurse into it."""
    import tempfile  # noqa: PLC0415 -- takes a while, and a process that only removes makes no folder

    folder = parent or Path(tempfile.gettempdir())
    with writing_below(folder, "TMPDIR" if parent is None else "-o", "temporary files"):
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
        try:
            yield path
        finally:
            remove_tree(path)


def remove_tree(path: Path) -> None:
    """Remove `path`, which may be absent. Raises OSError, also where something is mounted inside."""
    try:
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        remove_at(parent, os.fsencode(path.name))
    except FileNotFoundError:
        return
    finally:
        os.close(parent)


def remove_at(parent: int, name: bytes) -> None:
    """Remove `name` in the open directory `parent`. Raises FileNotFoundError if there is none."""
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(name, dir_fd=parent)
        return
    cursor = _Cursor(parent)
    try:
        _empty(cursor, name)
    finally:
        cursor.close()
    os.rmdir(name, dir_fd=parent)


def _empty(cursor: _Cursor, name: bytes) -> None:
    """Remove what is in the directory `name` of the one that is open."""
    levels = [_Level(b"", _identity(cursor.descriptor))]
    below: bytes | None = name
    while True:
        if below is not None:
            cursor.enter(below)
            levels.append(_Level(below, _identity(cursor.descriptor), _remove_files(cursor.descriptor)))
        else:
            done = levels.pop()
            cursor.leave(levels[-1].identity)
            if len(levels) == 1:
                return
            os.rmdir(done.name, dir_fd=cursor.descriptor)
        below = levels[-1].subdirectories.pop() if levels[-1].subdirectories else None


def _open_directory(parent: int, name: bytes) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except PermissionError:
        chmod_unopened(name, stat.S_IRWXU, parent)  # an ordinary user's own directory, which its mode closes to him
        return os.open(name, _DIRECTORY, dir_fd=parent)


def _remove_files(directory: int) -> list[bytes]:
    """Remove all that is no directory, and list the directories."""
    subdirectories = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                subdirectories.append(os.fsencode(entry.name))
            else:
                os.unlink(entry.name, dir_fd=directory)
    return subdirectories


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _mount(descriptor: int) -> tuple[int, bytes]:
    """Which mount a directory is in. The device alone does not tell a bind mount of the same file system."""
    try:
        with Path(f"/proc/self/fdinfo/{descriptor}").open("rb") as lines:
            mount = next((line for line in lines if line.startswith(b"mnt_id:")), b"")
    except FileNotFoundError:
        mount = b""
    return os.fstat(descriptor).st_dev, mount
