"""A bundle is made beside its destination and moved there in one step: what is at the destination is always whole.

The stage is a private directory (mode 0700) named `.bundler-RANDOM` in the destination's own folder, so that the last
step is a rename within one file system. It is locked for as long as its build lives; the lock of a build that was
killed is gone with it, and the next build in that folder removes what it left.
"""

import ctypes
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from bundler.errors import BundlerError, RequestError, printable
from bundler.interruptions import complete, held
from bundler.rootfs.remove import remove_tree

_PREFIX: Final = ".bundler-"
# renameat2(2); Python has no name for it.
_AT_FDCWD: Final = -100
_NO_REPLACE: Final = 1
_EXCHANGE: Final = 2
# What a file system without these flags says, and a C library without the call.
_UNSUPPORTED: Final = (errno.EINVAL, errno.ENOSYS)


class Stage:
    """A bundle in the making: `bundle` becomes the destination, `workspace` is for temporary files."""

    def __init__(self, path: Path) -> None:
        self.bundle = path / "bundle"
        self.workspace = path / "workspace"
        for folder in (self.bundle, self.workspace):
            folder.mkdir()
            folder.chmod(0o700)  # whatever the umask says

    def publish(self, destination: Path, *, replace: bool, made: Path | None = None) -> None:
        """Move the bundle, or a file of the stage that was `made`, to its destination.

        With `replace`, what was there is exchanged for it, never missing.
        """
        made = made or self.bundle
        if _rename(made, destination, _NO_REPLACE):
            return
        if not replace:
            raise _exists(destination)
        if not _rename(made, destination, _EXCHANGE):
            # Not every file system can exchange: the moment between the two renames is the shortest there is.
            destination.rename(self.workspace / "replaced")
            made.rename(destination)


def _rename(source: Path, target: Path, flags: int) -> bool:
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
    if flags == _NO_REPLACE and not os.path.lexists(target):
        source.rename(target)
        return True
    return False


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """A stage in `folder`, removed at the end with all that was not published. Raises BundlerError, RequestError."""
    if not folder.is_dir():
        raise RequestError(f"the folder {printable(str(folder))} does not exist")
    with ExitStack() as holding:
        try:
            _remove_abandoned(folder)
            holding.enter_context(held())
            path, lock = _make_locked(folder)
        except OSError as error:
            hint = "choose another place with -o"
            raise BundlerError(f"cannot write to {printable(str(folder))}: {error.strerror}", hint=hint) from None
        try:
            holding.close()  # from here on, an interruption leads to the end of this, which removes the stage
            yield Stage(path)
        finally:
            try:
                complete(lambda: remove_tree(path))
            finally:
                os.close(lock)


def check_destination(destination: Path, *, replace: bool) -> None:
    """Raise RequestError when something is at the destination already, unless `replace` is set and it is a bundle."""
    if destination.name in ("", ".."):
        raise RequestError(
            f"{printable(str(destination))} cannot be a bundle's place", hint="name a directory of its own"
        )
    if not os.path.lexists(destination):
        return
    if not replace:
        raise _exists(destination)
    # --force is for bundles: a slip of the finger such as `-o /home` must not cost anybody a home.
    if destination.is_symlink() or not destination.is_dir():
        raise RequestError(f"{printable(str(destination))} is not a directory; --force replaces bundles only")
    # A config.json alone does not make a bundle: many a project has one.
    is_bundle = (destination / "config.json").is_file() and (destination / "rootfs").is_dir()
    if not is_bundle and any(destination.iterdir()):
        raise RequestError(f"{printable(str(destination))} is not a bundle; --force replaces bundles only")


def check_file(destination: Path, *, replace: bool) -> None:
    """Raise RequestError when something is at the destination already, unless `replace` is set and it is a file."""
    if not os.path.lexists(destination):
        return
    if not replace:
        raise _exists(destination)
    if destination.is_symlink() or not destination.is_file():
        raise RequestError(f"{printable(str(destination))} is not a file; --force replaces files only")


def _exists(destination: Path) -> RequestError:
    hint = "--force replaces it, -o names another place"
    return RequestError(f"{printable(str(destination))} exists already", hint=hint)


def _make_locked(folder: Path) -> tuple[Path, int]:
    """A new stage and the descriptor that holds its lock."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        # Until the lock is held, another build may take the new stage for an abandoned one and remove it.
        with suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(lock), path.lstat()):
                    return path, lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)


def _remove_abandoned(folder: Path) -> None:
    """Remove the stages of builds that were killed: those whose lock nobody holds."""
    for path in folder.iterdir():
        if not path.name.startswith(_PREFIX) or path.is_symlink() or not path.is_dir():
            continue
        with suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(path)
            finally:
                os.close(lock)
