"""A process that does something for this one, and ends with it.

It is a fork, so it has all that this process has open. Whoever reads from it finds the end of a pipe when it is gone.
"""

import gc
import mmap
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol, TypeVar

from bundler.errors import BundlerError


@contextmanager
def another_process(run: Callable[[], None], finish: Callable[[bytes | None], None], *foreign: int) -> Iterator[None]:
    """`run`, and nothing else, in a process of its own. After the context, the process is gone.

    `finish` is called there in the end, with what `run` has raised, pickled, or None. The descriptors `foreign` are
    closed there: they are the other ends of its pipes, and it has to see it when they are closed here, however that
    comes.
    """
    process = os.fork()
    if not process:
        _serve(run, finish, foreign)
    try:
        yield
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


class Side(Protocol):
    """What a process has of shared memory and two pipes: one to write to, and one to read from."""

    def finish(self, error: bytes | None) -> None: ...


S = TypeVar("S", bound=Side)


@contextmanager
def connected_process(
    side: Callable[[mmap.mmap, int, int], S], run: Callable[[S], None], size: int
) -> Iterator[tuple[mmap.mmap, int, int]]:
    """As another_process, for `run` with its `side` of `size` bytes of memory and two pipes.

    Gives what the side of this process is made of: the memory, and the ends of the pipes to read from and to write to.
    """
    memory = mmap.mmap(-1, size)
    there, here = os.pipe(), os.pipe()
    its = side(memory, there[1], here[0])
    with another_process(lambda: run(its), its.finish, there[0], here[1]):
        os.close(there[1])
        os.close(here[0])
        try:
            yield memory, there[0], here[1]
        finally:
            os.close(there[0])
            os.close(here[1])


def raise_pickled(error: bytes) -> NoReturn:
    """Raise what another process has ended with."""
    raise pickle.loads(error)  # noqa: S301 -- our own


def _serve(run: Callable[[], None], finish: Callable[[bytes | None], None], foreign: tuple[int, ...]) -> NoReturn:
    """Run it and exit, without a step of what the process that was copied has still to do."""
    try:
        # Ctrl-C reaches both; what it means is for the other to say.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for descriptor in foreign:
            os.close(descriptor)
        gc.freeze()  # or a collection would touch, and so copy, all that the two have in common
        error = None
        try:
            run()
        except BaseException as failure:  # noqa: BLE001 -- raised again where its work is used
            if not isinstance(failure, BundlerError):
                failure.add_note(traceback.format_exc())  # of a bug, only this tells where it is
            error = pickle.dumps(failure)
        finish(error)
    finally:
        os._exit(0)


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
