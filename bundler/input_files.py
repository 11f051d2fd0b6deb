"""Where input files are opened: what a bundle, a store or an image holds, and what a command line names.

A fifo would hang who opens it, a device has no end, and a symbolic link inside of what somebody else has made leads to
files of this machine. So a file is opened without waiting (O_NONBLOCK), looked at, and read up to a limit.
"""

import errno
import os
import select
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, printable
from bundler.path_kinds import kind_at, missing_hint
from bundler.sizes import readable_size

# O_NOCTTY: a terminal stays a device.
_SAFE: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CHUNK: Final = 1 << 20
_PATIENCE: Final = 5_000  # milliseconds until some program has to have opened the other end of a fifo
_NULL: Final = os.makedev(1, 3)  # the number of /dev/null on every Linux machine
_REASONS: Final = {
    errno.ENOENT: "does not exist",
    errno.ELOOP: "is a symbolic link, which is not followed here",
    errno.ENOTDIR: "is not reached through folders only",
    errno.ENXIO: "is a socket or a device, not a file",
    errno.EISDIR: "is a folder, not a file",
}


class InputError(Exception):
    """A file that cannot be read. The message is the end of a sentence that begins with its name.

    `number` is that of the system's error, where there was one; `hint` says what to do, where that is known.
    """

    def __init__(self, what: str, number: int | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.number = number
        self.hint = hint


def reason(error: OSError) -> str:
    """Why a file cannot be opened, as the end of a sentence that begins with its name."""
    return _REASONS.get(error.errno or 0) or f"cannot be opened: {os.strerror(error.errno) if error.errno else error}"


def open_inside(path: Path) -> int:
    """A descriptor of a regular file, in a folder that is trusted; it may not be a symbolic link. Raises InputError."""
    return _checked(_open(path, _SAFE | os.O_NOFOLLOW), _is_file)


def open_below(folder: int, parts: Sequence[str]) -> int:
    """A descriptor of the regular file at `parts` below the open `folder`; no part may be a link. Raises InputError."""
    try:
        descriptor = descend(folder, parts, _SAFE)
    except OSError as error:
        raise _refused(error) from None
    return _checked(descriptor, _is_file)


def descend(folder: int, parts: Sequence[str], flags: int) -> int:
    """What lies at `parts` below the open `folder`, opened with `flags`. Raises OSError where a part is a link."""
    at = os.dup(folder)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = below
        return os.open(parts[-1], flags | os.O_NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)


def read_inside(path: Path, limit: int) -> bytes:
    """The content of a file as `open_inside` opens it, of at most `limit` bytes. Raises InputError."""
    descriptor = open_inside(path)
    try:
        return read_all(descriptor, limit)
    finally:
        os.close(descriptor)


def read_named(path: Path, limit: int, *, pipe: bool = True) -> bytes:
    """The content of what a person names, of at most `limit` bytes. Raises InputError.

    It may be reached by symbolic links, and be a pipe (`<(...)` of a shell), which is read to its end, or /dev/null,
    unless `pipe` is False: what a file names, no person has looked at.
    """
    try:
        descriptor = _checked(_open(path, _SAFE), _is_given if pipe else _is_file)
    except InputError as error:
        raise InputError(str(error), error.number, _named_hint(path, error.number)) from None
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            _await_writer(descriptor)
            os.set_blocking(descriptor, True)
        return read_all(descriptor, limit)
    finally:
        os.close(descriptor)


def _named_hint(path: Path, number: int | None) -> str | None:
    """What to do about a path that a person named, and at which there is no file to read."""
    if number in (errno.ENOENT, errno.ENOTDIR):
        return missing_hint(path) or (None if path.is_absolute() else f"looked for in {printable(str(Path.cwd()))}")
    if number in (errno.EACCES, errno.EPERM):
        return "its owner may read it, or root"
    kind = kind_at(path)
    if kind is None or kind.is_text:
        return None
    return kind.hint(path) or "name a file in it"


def read_standard_input(limit: int) -> bytes:
    """What a command line calls `-`, of at most `limit` bytes. Raises InputError, RequestError where it is closed."""
    if sys.stdin is None:  # Python's way to say that descriptor 0 was closed before it started
        raise RequestError("standard input is closed")
    return _bounded(sys.stdin.buffer.read(limit + 1), limit)


def read_request(path: str, limit: int) -> bytes:
    """The content of what a command line names, `-` for standard input. Raises RequestError, which says its name."""
    try:
        return read_standard_input(limit) if path == "-" else read_named(Path(path), limit)
    except InputError as error:
        name = "standard input" if path == "-" else printable(path)
        raise RequestError(f"{name} {error}", hint=error.hint) from None


def read_all(descriptor: int, limit: int) -> bytes:
    """All that is in an open file, at most `limit` bytes. Raises InputError."""
    parts = []
    left = limit + 1
    try:
        while left and (part := os.read(descriptor, min(left, _CHUNK))):
            parts.append(part)
            left -= len(part)
    except BlockingIOError:  # /proc/kmsg calls itself a regular file, and waits for the kernel to say something
        raise InputError("has no end, and is no file to be read whole") from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from None
    return _bounded(b"".join(parts), limit)


def _bounded(content: bytes, limit: int) -> bytes:
    if len(content) > limit:
        raise InputError(f"has more than {readable_size(limit)}")
    return content


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags)
    except OSError as error:
        raise _refused(error) from None
    except ValueError:
        raise InputError("is no name of a file: it holds a NUL") from None


def _refused(error: OSError) -> InputError:
    return InputError(reason(error), error.errno)


def _checked(descriptor: int, fits: Callable[[os.stat_result], bool]) -> int:
    """The descriptor again, unless what it is of does not fit. Raises InputError."""
    status = os.fstat(descriptor)
    if not fits(status):
        os.close(descriptor)
        raise InputError(f"is {_kind(status.st_mode)}, not a file")
    return descriptor


def _is_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode)


def _is_given(status: os.stat_result) -> bool:
    """Whether a person may have meant it: a file, a pipe, or the device that is known to hold nothing."""
    is_null = stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL
    return is_null or stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a fifo"), (stat.S_ISSOCK, "a socket"))
    return next((word for test, word in kinds if test(mode)), "a device")


def _await_writer(descriptor: int) -> None:
    """A fifo by itself may have no writer, for ever; a shell's pipe has had one from the start."""
    if os.readlink(f"/proc/self/fd/{descriptor}").startswith("pipe:"):  # noqa: PTH115 -- it leads to no path
        return
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    if not waiting.poll(_PATIENCE):
        raise InputError("is a fifo that no program writes to")
