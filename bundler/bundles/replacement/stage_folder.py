"""The folder that a stage is, on disk: how one is made, known for ours, known to be abandoned, and removed.

Another program may have called a folder `.bundler-notes`. Ours have a name of 128 random bits, belong to this user,
hold what a stage holds and nothing else, and their file `lock` says the folder's own name. A copy is not one of ours.
"""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bundler.bundles.replacement.ground import check_ground
from bundler.bundles.replacement.succession import (
    BUNDLE,
    JOURNAL,
    REPLACED,
    Succession,
    read_journal,
    settle_succession,
)
from bundler.errors import BundlerError
from bundler.rootfs.remove import remove_tree

WORKSPACE: Final = "workspace"
_LOCK: Final = "lock"
_PREFIX: Final = ".bundler-"
_NAME: Final = re.compile(rf"{re.escape(_PREFIX)}[0-9a-f]{{32}}")
# In the order they are removed: while the lock is there, what is left of a stage is known for one.
_CONTENTS: Final = (WORKSPACE, BUNDLE, REPLACED, JOURNAL, _LOCK)
# What a file system without locks says (NFS without a lock daemon, some of FUSE).
_LOCKLESS: Final = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def make_stage(folder: Path) -> tuple[Path, int]:
    """A new stage in `folder`, and the descriptor that holds its lock. Raises OSError, and leaves nothing then."""
    while True:
        path = folder / f"{_PREFIX}{secrets.token_hex(16)}"
        path.mkdir(mode=0o700)
        lock = None
        try:
            path.chmod(0o700)  # whatever the umask says
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.write(lock, path.name.encode())
            _wait_for(lock)
            # Until the lock was held, another build may have taken the new stage for an abandoned one, and removed it.
            if os.path.samestat(os.fstat(lock), (path / _LOCK).lstat()):
                return path, lock
        except FileNotFoundError:
            pass
        except BaseException:
            with suppress(OSError):
                remove_stage(path)
            if lock is not None:
                os.close(lock)
            raise
        if lock is not None:
            os.close(lock)


def remove_stage(path: Path) -> None:
    """Finish what the stage was putting in its place, and remove it with all that it holds. May be begun again."""
    settle_succession(path)
    for name in _CONTENTS:
        remove_tree(path / name)
    with suppress(FileNotFoundError):
        path.rmdir()


def remove_abandoned(folder: Path) -> None:
    """Remove the stages of builds that were killed: ours, whose lock is free. Raises OSError if `folder` is closed."""
    for path in _stages(folder):
        with suppress(OSError, BundlerError):
            _remove_if_abandoned(path)


def finish_replacement(bundle: Path) -> None:
    """Finish what a build was doing that was killed while it replaced `bundle`, so that its volumes are all there.

    Bundle.open calls this; where it cannot be done, the reader of the bundle says itself what is missing.
    """
    with suppress(OSError, BundlerError):
        for path, _ in _stages_of(bundle):
            check_ground(path.parent)
            _remove_if_abandoned(path)


def exchange_begun(bundle: Path) -> int | None:
    """The inode of the directory that an exchange, which was killed, was to bring to the place of `bundle`."""
    with suppress(OSError):
        return next((succession.aim for _, succession in _stages_of(bundle) if succession.aim is not None), None)
    return None


def _stages_of(bundle: Path) -> Iterator[tuple[Path, Succession]]:
    """The stages that have begun to replace `bundle`, and what they were to do. Raises OSError."""
    place = Path(os.path.abspath(bundle))  # noqa: PTH100 -- a symlink is no bundle that was replaced
    for path in _stages(place.parent):
        succession = read_journal(path)
        if succession is not None and succession.destination == place:
            yield path, succession


def _stages(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [folder / entry.name for entry in entries if _NAME.fullmatch(entry.name)]


def _remove_if_abandoned(path: Path) -> None:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return
    contents = set(os.listdir(path))  # noqa: PTH208 -- names are enough
    if not contents:
        path.rmdir()  # its build was killed before there was a lock
        return
    with _locked(path, contents):
        remove_stage(path)


@contextmanager
def _locked(path: Path, contents: Collection[str]) -> Iterator[None]:
    """The lock of the stage that holds `contents`. Raises OSError if it is not ours, or its build may be running."""
    if _LOCK not in contents or not set(contents).issubset(_CONTENTS):
        raise FileExistsError(errno.EEXIST, "it holds what no stage does", str(path))
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        stated = os.read(lock, len(path.name) + 1)
        if stated not in (b"", path.name.encode()):  # a power cut leaves it empty
            raise FileExistsError(errno.EEXIST, "it is no stage of this name", str(path))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def _wait_for(lock: int) -> None:
    """Take the lock. Where there are no locks a build goes on without, and stages of killed ones stay."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _LOCKLESS:
            raise
