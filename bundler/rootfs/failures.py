"""What a failed call of the file system means to the person who waits for the bundle."""

import errno
from typing import Final

from bundler.errors import BundlerError, LayerError, printable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN: Final = frozenset({errno.EPERM, errno.EACCES})
# The machine's trouble, not the image's. Everything else was caused by a name, a size or a type in a layer.
_OF_THE_MACHINE: Final = frozenset({errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR})


def explain(error: OSError, where: str) -> BundlerError:
    """The failure to raise for `error`; `where` names the layer and the entry, or the file."""
    reason = printable(error.strerror or str(error))
    filename = error.filename
    if isinstance(filename, bytes) and not filename.startswith(b"/"):
        reason = f"/{printable(filename)}: {reason}"
    if error.errno in _FULL:
        return BundlerError(f"{where}: no space left on the file system", hint="free some space or choose another disk")
    if error.errno in _FORBIDDEN:
        hint = "run as root: owners, devices and file capabilities need it"
        return BundlerError(f"{where}: {reason}", hint=hint)
    if error.errno == errno.ENOTSUP:
        hint = "choose a disk whose file system keeps extended attributes"
        return BundlerError(f"{where}: the file system cannot keep a file capability", hint=hint)
    if error.errno in _OF_THE_MACHINE:
        return BundlerError(f"{where}: {reason}")
    return LayerError(f"{where}: {reason}")
