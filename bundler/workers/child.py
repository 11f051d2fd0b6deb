"""What a worker does from its first line to its last. It is the only module that runs there alone.

It ends when it is done, or when the process that has started it is gone, however that came: the lifeline is a pipe
whose other end no other process has.
"""

import _thread
import marshal
import mmap
import os
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

from bundler.garbage import look_rarely
from bundler.interruptions import INTERRUPTIONS
from bundler.workers.messages import LENGTH, OUT_OF_MEMORY, Side, describe, read_exactly


def main(lifeline: int) -> NoReturn:
    """Do the job that comes down the `lifeline`."""
    for number in INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    look_rarely()
    status = 1
    try:
        (length,) = LENGTH.unpack(read_exactly(lifeline, LENGTH.size))
        job = marshal.loads(read_exactly(lifeline, length))  # noqa: S302 -- of the process that has started this one
        _thread.start_new_thread(_end_with, (lifeline,))
        _do(*job)
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY
    except (EOFError, BrokenPipeError):
        pass  # the other side has gone
    except BaseException:  # noqa: BLE001 -- a bug of this very module; its traceback is all there is
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _end_with(lifeline: int) -> None:
    """Nothing more comes down a lifeline but its end."""
    os.read(lifeline, 1)
    os._exit(0)


def _do(side: tuple[str, str], ends: tuple[int, int, int], work: tuple[str, str], arguments: tuple[Any, ...]) -> None:
    memory, write, read = ends
    connected: Side = _named(side)(mmap.mmap(memory, os.fstat(memory).st_size), write, read)
    failure = None
    try:
        _named(work)(connected, *arguments)
    except BaseException as error:  # noqa: BLE001 -- raised again where its work is used
        failure = describe(error)
    connected.finish(failure)


def _named(name: tuple[str, str]) -> Any:
    module, attribute = name
    return getattr(import_module(module), attribute)
