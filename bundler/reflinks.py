"""Files that share their blocks on a disk until one of them is written to, where its file system can (XFS, Btrfs)."""

import errno
import fcntl
from typing import Final

_CLONE: Final = 0x40049409  # linux/fs.h: FICLONE
_NO_CLONES: Final = frozenset({errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.EPERM})


def clone(source: int, target: int) -> bool:
    """Give the open file `target` all that the open file `source` holds; whether the disk can do so. Raises OSError."""
    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError as error:
        if error.errno not in _NO_CLONES:
            raise
        return False
    return True
