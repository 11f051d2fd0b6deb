"""Namespaces and mounts of this very process: unshare(2) and mount(2), which Python 3.11 has no names for."""

import ctypes
import os
from typing import Final

NEW_MOUNTS: Final = 0x00020000  # CLONE_NEWNS
NEW_USERS: Final = 0x10000000  # CLONE_NEWUSER, which the kernel gives to processes of one thread only
READ_ONLY: Final = 1  # MS_RDONLY
SLAVE: Final = 1 << 19  # MS_SLAVE


def unshare(namespaces: int) -> None:
    """Give this process new namespaces. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    _check(library.unshare(namespaces))


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """The system call of that name; the kernel alone reads `options`. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    texts = (None if text is None else os.fsencode(text) for text in (source, target, kind))
    _check(library.mount(*texts, ctypes.c_ulong(flags), None if options is None else os.fsencode(options)))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
