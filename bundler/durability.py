"""What was written is on its disk before it gets its name: a power cut leaves the old or the new, and that whole.

A rename is kept by a file system sooner than the content of what was renamed, unless that was asked for. A tree is
written out by syncfs(2), one call for all its files; it takes everything else with it that waits to be written in that
file system. A single file is written out by fsync(2), and so are the names in a folder.
"""

import errno
import os
from pathlib import Path
from typing import Final

# What a kernel or a sandbox without the call says. Linux tells of what could not be written since 5.8.
_UNSUPPORTED: Final = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)


def sync_tree(folder: Path) -> None:
    """Write out all that `folder` holds, in one file system. Raises OSError: the disk may turn out to be full here."""
    import ctypes  # noqa: PLC0415 -- takes a while, and is only needed for what writes a tree

    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if hasattr(libc, "syncfs") and libc.syncfs(descriptor) == 0:
            return
        code = ctypes.get_errno() if hasattr(libc, "syncfs") else errno.ENOSYS
    finally:
        os.close(descriptor)
    if code not in _UNSUPPORTED:
        raise OSError(code, os.strerror(code), str(folder))
    os.sync()  # every file system; Linux waits for it, but it tells of no failure


def sync_file(file: Path) -> None:
    """Write out the content of a regular file. Raises OSError."""
    _sync(file, os.O_RDONLY | os.O_NOFOLLOW)


def sync_names(folder: Path) -> None:
    """Write out which names the folder has: what was renamed into it or out of it. Raises OSError."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:  # there are file systems whose folders know no fsync
            raise
    finally:
        os.close(descriptor)
