"""What a worker and the process that has started it agree on: what each is to the other, whole messages through pipes,
which give and take what they have room for, and what a worker has failed at.

That is a message, too: a kind, and the texts and numbers that belong to it. An exception never travels: to make one
again out of bytes is to run what the bytes say, and many cannot be written at all. What is expected becomes the same
type again, with its two lines; a bug becomes the text of its traceback.
"""

import errno
import os
import struct
from typing import Any, Final, NoReturn, Protocol

from bundler.errors import (
    BundlerError,
    DifferenceError,
    ImageError,
    LayerError,
    RequestError,
    ToolError,
)

Failure = tuple[Any, ...]

_EXPECTED: Final = {
    kind.__name__: kind for kind in (BundlerError, RequestError, ImageError, LayerError, ToolError, DifferenceError)
}
# The kinds, and what follows each of them.
_STATED: Final = "stated"  # the name of a type in errors.py, what, hint
_SYSTEM: Final = "system"  # an error number, and the name of a file or None
_MEMORY: Final = "memory"
_PEER: Final = "peer"  # the other worker that this one reads from has ended without a word
_BUG: Final = "bug"  # the last line of a traceback, and all of it


class LostPeerError(Exception):
    """The worker on the other side has ended without a word; the process that has started it knows how."""


class WorkerBugError(Exception):
    """A worker failed at what was not expected. The message is the last line of its traceback, a note is all of it."""


def describe(error: BaseException) -> Failure:
    """The message that says `error`."""
    match error:
        case BundlerError():
            name = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _EXPECTED)
            return _STATED, name, error.what, error.hint
        case MemoryError():
            return (_MEMORY,)
        case OSError(errno=int(number), filename=filename):
            return _SYSTEM, number, filename if isinstance(filename, str | bytes) else None
        case LostPeerError():
            return (_PEER,)
    from traceback import format_exception  # noqa: PLC0415 -- a fifth of what a worker imports, for what never happens

    lines = format_exception(error)
    return _BUG, lines[-1].strip(), "".join(lines)


def raise_failure(failure: Failure, worker: str) -> NoReturn:
    """Raise what the message says; `worker` is what the worker was for, as in `the process that reads the layer`."""
    match failure:
        case (str(kind), str(name), what, hint) if kind == _STATED:
            raise _EXPECTED[name](what, hint=hint)
        case (str(kind), int(number), filename) if kind == _SYSTEM:
            raise OSError(number, os.strerror(number), filename)
        case (str(kind),) if kind == _MEMORY:
            raise out_of_memory(worker)
        case (str(kind),) if kind == _PEER:
            raise LostPeerError
        case (str(kind), str(line), str(text)) if kind == _BUG:
            bug = WorkerBugError(f"{worker}: {line}")
            bug.add_note(text)
            raise bug
    raise WorkerBugError(f"{worker}: {failure!r} is no message")


def out_of_memory(worker: str) -> BundlerError:
    return BundlerError(
        f"{worker} ran out of memory", hint=f"{os.strerror(errno.ENOMEM).lower()}: free some, or raise what limits it"
    )


def read_exactly(descriptor: int, size: int) -> bytes:
    """Raises EOFError."""
    content = os.read(descriptor, size)
    if len(content) == size:
        return content
    parts = [content]
    missing = size - len(content)
    while missing:
        content = os.read(descriptor, missing)
        if not content:
            raise EOFError
        parts.append(content)
        missing -= len(content)
    return b"".join(parts)


def write_all(descriptor: int, content: bytes) -> None:
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, content[written:])


LENGTH: Final = struct.Struct("<I")
"""Of a message, in front of it."""
OUT_OF_MEMORY: Final = 12
"""What a worker exits with that has no memory left to say so."""


class Side(Protocol):
    """What a worker has of shared memory and two pipes."""

    def finish(self, failure: Failure | None) -> None:
        """Say that there is no more, and the reason if it is not that this was all."""
        ...


class Other(Protocol):
    """The process on the other side, as the one that reads from it knows it."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def how_it_ended(self) -> Exception:
        """Why it has closed its pipes without a word."""
        ...


class Peer:
    """Another worker: only the process that has started both can tell."""

    def __init__(self, name: str) -> None:
        self.name = name

    def how_it_ended(self) -> LostPeerError:
        return LostPeerError()
