"""Which system calls this machine's libseccomp knows: a runtime passes over rules about any other."""

import ctypes
from collections.abc import Iterable
from typing import Final

_LIBRARY: Final = "libseccomp.so.2"
_UNKNOWN: Final = -1  # __NR_SCMP_ERROR; calls of other architectures have other negative numbers


def unknown_to_libseccomp(names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that it does not know, in order; none where the library is not there to be asked."""
    try:
        resolve = ctypes.CDLL(_LIBRARY).seccomp_syscall_resolve_name
    except (OSError, AttributeError):
        return ()
    return tuple(name for name in names if "\0" in name or resolve(name.encode("utf-8", "replace")) == _UNKNOWN)
