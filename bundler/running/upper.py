"""The folder for what a container writes over an image; one container at a time may use it.

The kernel leaves undefined what happens if two overlays write to one folder. A lock is held from before the mount until
the runtime ends; a container that outlives its runtime is found among the mounts of other processes.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from bundler.bundles.files import failure_at
from bundler.bundles.runtime import process_over
from bundler.errors import RequestError, printable

_HINT: Final = "stop it first; or --ephemeral, with which what this one writes goes to memory"


def reserve(upper: Path, lowest_descriptor: int) -> None:
    """Make the folder, and lock it for as long as this process lives, and what takes its place.

    The lock has a descriptor from `lowest_descriptor` on, which programs inherit. Raises RequestError where another
    container has it, BundlerError.
    """
    try:
        upper.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(upper, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            is_free = _lock(descriptor)
            process = process_over(upper)
            if process is not None or not is_free:
                raise _in_use(upper, process)
            os.set_inheritable(fcntl.fcntl(descriptor, fcntl.F_DUPFD, lowest_descriptor), True)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise failure_at(upper, error) from error


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # not every file system has locks
        return True
    return True


def _in_use(upper: Path, process: int | None) -> RequestError:
    holder = _holder(upper) if process is None else process
    which = "" if holder is None else f" (process {holder})"
    what = f"another container{which} writes to {printable(str(upper))}"
    return RequestError(what, hint=_HINT)


def _holder(folder: Path) -> int | None:
    """The process that has taken the lock, by /proc/locks, as far as that tells."""
    with suppress(OSError, ValueError, IndexError):
        status = folder.stat()
        inode = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5] == inode:
                return int(words[4])
    return None
