"""What a worker has failed at, as a message: a kind, and the texts and numbers that belong to it.

An exception never travels: to make one again out of bytes is to run what the bytes say, and many cannot be written at
all. What is expected becomes the same type again, with its two lines; a bug becomes the text of its traceback.
"""

import errno
import os
from typing import Any, Final, NoReturn

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
