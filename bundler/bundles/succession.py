"""A directory takes the place of another one, and the volumes of the old one move along: killed at any moment, the old
one or the new one is there, and what the volumes hold is in it or is brought there by the next command.

No single system call does both, so the order is:

1. The new one leaves out the folders that are to be carried over, and a journal in the stage names them. All is synced.
2. Both directories change places (renameat2, RENAME_EXCHANGE). A runtime refuses to start the new one: what it mounts
   is missing, so that nothing begins with an empty volume.
3. Each folder is renamed from the old one into the new one. The names are synced, and then the old one is removed.

Whoever finds the stage of a killed build (`settle_succession`) looks for the folders of the journal that are in the
stage and not at the destination, and moves them there: that is right after every step, in whatever order the file
system has kept the renames. Where directories cannot change places, two renames do it, and what was killed between them
is put back.
"""

import ctypes
import errno
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

from bundler.durability import sync_names
from bundler.errors import BundlerError, printable
from bundler.rootfs.directories import close_again, open_up

JOURNAL: Final = "succession.json"
REPLACED: Final = "replaced"
_LARGEST: Final = 1 << 20  # bytes of a journal
# renameat2(2); Python has no name for it.
_AT_FDCWD: Final = -100
NO_REPLACE: Final = 1
EXCHANGE: Final = 2
# What a file system without these flags says, and a C library without the call.
_UNSUPPORTED: Final = (errno.EINVAL, errno.ENOSYS)


def leave_out(made: Path, aside: Path, carried: Iterable[str]) -> None:
    """Put the new one's own folders of these names into the new folder `aside`."""
    aside.mkdir(mode=0o700)
    for number, name in enumerate(carried):
        above = (made / name).parent
        above.mkdir(exist_ok=True)
        if above.is_symlink():  # what was packed as it is may hold anything
            raise BundlerError(f"{printable(name)} lies behind a symlink")
        if os.path.lexists(made / name):
            _move(made / name, aside / str(number))


def write_journal(stage: Path, destination: Path, carried: Sequence[str]) -> None:
    """Note what the stage is about to do. It is synced with the stage: what is not whole was not begun."""
    document = {"destination": destination.name, "carried": list(carried)}
    (stage / JOURNAL).write_text(json.dumps(document), encoding="ascii")


def succeed(made: Path, destination: Path, carried: Sequence[str]) -> None:
    """Put `made`, in a stage, in the place of the directory `destination`, and carry these folders over."""
    stage, old = made.parent, made
    if not rename(made, destination, EXCHANGE):
        # Not every file system can exchange: the moment between the two renames is the shortest there is.
        old = stage / REPLACED
        destination.rename(old)
        made.rename(destination)
    for name in carried:
        _move(old / name, destination / name)
    _sync_all((stage, old, destination), carried, destination)


def settle_succession(stage: Path) -> None:
    """Finish, or undo, what the stage has begun, so that it may be removed. Raises OSError, BundlerError."""
    noted = _journal(stage)
    if noted is None:
        return
    destination, carried = noted
    here = [stage / name for name in (REPLACED, "bundle") if os.path.lexists(stage / name)]
    if not os.path.lexists(destination):
        old = next((path for path in here if path.name == REPLACED or _holds(path, carried)), None)
        if old is not None:
            rename(old, destination, NO_REPLACE)
    stranded = [(path / name, name) for path in here for name in carried if os.path.lexists(path / name)]
    for path, name in stranded:
        if os.path.lexists(destination / name) or not destination.is_dir():
            raise BundlerError(f"{printable(str(path))} belongs to {printable(str(destination))}, where another one is")
        _move(path, destination / name)
    if here and destination.is_dir():
        _sync_all((stage, *here), carried, destination)


def replaced_by(stage: Path) -> Path | None:
    """What the stage has begun to replace, if it has. Raises OSError."""
    noted = _journal(stage)
    return None if noted is None else noted[0]


@contextmanager
def alone(destination: Path) -> Iterator[None]:
    """While the context lasts, no other build replaces the directory `destination`."""
    while True:
        descriptor = os.open(destination, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # not every file system has locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), destination.lstat()):
                yield
                return
        finally:
            os.close(descriptor)


def rename(source: Path, target: Path, flags: int) -> bool:
    """renameat2(2); False where the flags do not allow it or the file system does not know them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        if libc.renameat2(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) == 0:
            return True
        code = ctypes.get_errno()
        if code not in (*_UNSUPPORTED, errno.EEXIST, errno.ENOENT):
            raise BundlerError(f"cannot move what was made to {printable(str(target))}: {os.strerror(code)}")
        if code not in _UNSUPPORTED:
            return False
    if flags == NO_REPLACE and not os.path.lexists(target):
        source.rename(target)
        return True
    return False


def _journal(stage: Path) -> tuple[Path, tuple[str, ...]] | None:
    """The destination, and the folders that were carried there; None if the stage had replaced nothing yet.

    Only this user can have written into the stage.
    """
    try:
        with (stage / JOURNAL).open("rb") as stream:
            document = json.loads(stream.read(_LARGEST))
    except (FileNotFoundError, ValueError):
        return None
    return stage.parent / document["destination"], tuple(document["carried"])


def _holds(path: Path, carried: Sequence[str]) -> bool:
    return bool(carried) and all(os.path.lexists(path / name) for name in carried)


def _move(source: Path, target: Path) -> None:
    """Rename a folder. An ordinary user may do so only with a directory that he may write to."""
    parent = os.open(source.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mode = open_up(parent, os.fsencode(source.name), 0o700) if os.geteuid() else None
    finally:
        os.close(parent)
    source.rename(target)
    if mode is not None:
        parent = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            close_again(parent, os.fsencode(target.name), mode)
        finally:
            os.close(parent)


def _sync_all(folders: Iterable[Path], carried: Iterable[str], destination: Path) -> None:
    """Write out the names of all folders that were renamed from or to; some may be gone already."""
    parents = {str(PurePosixPath(name).parent) for name in carried}
    changed = {destination.parent, *folders, *(folder / each for folder in (*folders, destination) for each in parents)}
    for folder in sorted(changed):
        with suppress(FileNotFoundError, NotADirectoryError):
            sync_names(folder)
