"""A directory takes the place of another one, and the volumes of the old one move along: killed at any moment, the old
one or the new one is there, and what the volumes hold is in it or is brought there by the next command.

No single system call does both, so the order is:

1. The new one leaves out the folders that are to be carried over, and a journal in the stage names them. All is synced.
2. Both directories change places (renameat2, RENAME_EXCHANGE). A runtime refuses to start the new one: what it mounts
   is missing, so that nothing begins with an empty volume.
3. Each folder is renamed from the old one into the new one. The names are synced, and then the old one is removed, or
   gets the name under which it is to stay.

The build that finds the stage of a killed one (`settle_succession`) looks for the folders of the journal that are in
the stage and not at the destination, and moves them there: that is right after every step, in whatever order the file
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
from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import chmod_unopened
from bundler.rootfs.directories import open_up

JOURNAL: Final = "succession.json"
BUNDLE: Final = "bundle"
REPLACED: Final = "replaced"
_LARGEST: Final = 1 << 20  # bytes of a journal
# renameat2(2); Python has no name for it.
_AT_FDCWD: Final = -100
NO_REPLACE: Final = 1
EXCHANGE: Final = 2
# What a file system without these flags says, and a C library without the call.
_UNSUPPORTED: Final = (errno.EINVAL, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Succession:
    """What a stage does: its bundle takes the place of `destination`, and the folders `carried` move along.

    `kept` is where the old one stays then; None: it goes with the stage. `own` is the inode of the folder that the
    stage has made itself: that goes with the stage, too, unless it got to the destination. `aim` is the inode of one
    that was there before, and is to be at the destination in the end.
    """

    destination: Path
    carried: tuple[str, ...]
    kept: Path | None = None
    own: int | None = None
    aim: int | None = None


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


def write_journal(stage: Path, succession: Succession) -> None:
    """Note what the stage is about to do. It is synced with the stage: what is not whole was not begun."""
    document = {
        "destination": succession.destination.name,
        "carried": succession.carried,
        "kept": None if succession.kept is None else succession.kept.name,
        "own": succession.own,
        "aim": succession.aim,
    }
    (stage / JOURNAL).write_text(json.dumps(document), encoding="ascii")


def succeed(stage: Path, succession: Succession) -> None:
    """Put the stage's bundle in the place of the directory `destination`, and carry the folders over."""
    destination, made = succession.destination, stage / BUNDLE
    old = made
    if not rename(made, destination, EXCHANGE):
        # Not every file system can exchange: the moment between the two renames is the shortest there is.
        old = stage / REPLACED
        destination.rename(old)
        made.rename(destination)
    for name in succession.carried:
        _move(old / name, destination / name)
    _sync_all((stage, old, destination), succession.carried, destination)
    _keep(old, succession)


def settle_succession(stage: Path) -> None:
    """Finish, or undo, what the stage has begun, so that it may be removed. Raises OSError, BundlerError."""
    succession = read_journal(stage)
    if succession is None:
        return
    destination, carried = succession.destination, succession.carried
    here = [stage / name for name in (REPLACED, BUNDLE) if os.path.lexists(stage / name)]
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
    for path in here:
        if os.path.lexists(path):
            _keep(path, succession)


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


def read_journal(stage: Path) -> Succession | None:
    """What the stage was to do; None if it had replaced nothing yet. Only this user can have written into the stage."""
    try:
        with (stage / JOURNAL).open("rb") as stream:
            document = json.loads(stream.read(_LARGEST))
    except (FileNotFoundError, ValueError):
        return None
    kept = document.get("kept")
    return Succession(
        stage.parent / document["destination"],
        tuple(document["carried"]),
        None if kept is None else stage.parent / kept,
        document.get("own"),
        document.get("aim"),
    )


def _keep(path: Path, succession: Succession) -> None:
    """Give the one that is not at the destination its place, if it is to stay. All its names are synced by now."""
    if succession.kept is None or path.lstat().st_ino == succession.own:
        return
    if not rename(path, succession.kept, NO_REPLACE):
        raise BundlerError(f"{printable(str(path))} belongs at {printable(str(succession.kept))}, where another one is")
    sync_names(succession.kept.parent)


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
            chmod_unopened(os.fsencode(target.name), mode, parent)
        finally:
            os.close(parent)


def _sync_all(folders: Iterable[Path], carried: Iterable[str], destination: Path) -> None:
    """Write out the names of all folders that were renamed from or to; some may be gone already."""
    parents = {str(PurePosixPath(name).parent) for name in carried}
    changed = {destination.parent, *folders, *(folder / each for folder in (*folders, destination) for each in parents)}
    for folder in sorted(changed):
        with suppress(FileNotFoundError, NotADirectoryError):
            sync_names(folder)
