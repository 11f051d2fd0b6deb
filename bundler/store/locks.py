"""Who may do what in a store at the same time: flock(2) on what is never replaced.

While blobs are read or added, the store's folder is locked shared; while they are removed, exclusively. For the moment
in which index.json changes, the file `oci-layout` is locked exclusively, and `blobs` while the store is made. A process
that dies loses its locks; skopeo and umoci inherit them, so they last until these have ended, too.

Not every file system knows locks: NFS without a lock manager and FUSE may not. There, what adds and reads goes on
without: blobs are added whole or not at all, and at worst a name that another process has just added is missing from
index.json, which fetching it again brings back. What removes blobs is refused.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bundler.errors import BundlerError, printable

_WOULD_BLOCK = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextmanager
def locked(path: Path, *, exclusive: bool, needed: bool = False) -> Iterator[int]:
    """Hold a lock on a file or folder, once no other process is in the way. Gives the descriptor that has it.

    Where there are no locks, raises BundlerError if it is `needed`.
    """
    descriptor = _open(path)
    try:
        held = _lock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        if needed and not held:
            what = "its file system knows no locks, so that nothing tells whether the store is in use"
            raise BundlerError(f"{printable(str(path))}: {what}", hint="keep the store on another file system: --store")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Try to hold an exclusive lock; False if another process has one, or nothing tells."""
    descriptor = _open(path)
    try:
        yield _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """For writing, where that is possible: NFS locks a file exclusively only if it is open so."""
    if not path.is_dir():
        try:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        if error.errno not in (*_WOULD_BLOCK, *_NO_LOCKS, errno.EBADF):  # EBADF: NFS, and not open for writing
            raise
        return False
    return True
