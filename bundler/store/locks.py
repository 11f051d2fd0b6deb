"""Who may do what in a store at the same time: flock(2) on what is never replaced.

While blobs are read or added, the store's folder is locked shared; while they are removed, exclusively. For the moment
in which index.json changes, the file `oci-layout` is locked exclusively. A process that dies loses its locks; skopeo
and umoci inherit them, so they last until these have ended, too.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WOULD_BLOCK = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(path: Path, *, exclusive: bool) -> Iterator[int]:
    """Hold a lock on a file or folder, once nobody is in the way. Gives the descriptor that has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Try to hold an exclusive lock; False if somebody has one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        # A file system that knows no locks, such as a read-only one over the network, has nobody to keep out either.
        if error.errno not in (*_WOULD_BLOCK, *_NO_LOCKS):
            raise
        return False
    return True
