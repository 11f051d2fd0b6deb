"""Start a worker, and end it.

A worker is not a fork. A fork has all that this process has: the stack, which a signal would unwind there, too, and so
remove what this process has half made; locks that another thread holds, for good; every open file. A new program has
what it is given, and can be started while threads run (progress bars have one). It costs some 80 ms, which pass beside
this process on another processor.

A worker is for one of two things: items that are made ahead (`read_apart`), or a stream that is filled ahead
(`filled_apart`).
"""

import marshal
import mmap
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple

from bundler.errors import BundlerError
from bundler.interruptions import complete, held
from bundler.light_dataclasses import dataclass
from bundler.workers.batches import RING, Receiver, Sender
from bundler.workers.messages import LENGTH, OUT_OF_MEMORY, Side, out_of_memory, write_all
from bundler.workers.shared_stream import SIZE, Filler, SharedStream

if TYPE_CHECKING:  # a worker that imports this module for what stands beside its work starts none itself
    import subprocess

# This very bundler comes first, wherever it was imported from; everything else is found where this process finds it.
_BOOT: Final = f"""\
import sys
_, lifeline, home, *sys.path = sys.argv
sys.path.insert(0, home)
try:
    import bundler
    del sys.path[0]
    from bundler.workers.child import main
    main(int(lifeline))
except MemoryError:
    import os
    os._exit({OUT_OF_MEMORY})
"""
_HOME: Final = str(Path(__file__).parents[2])
_MEMORY_HINT: Final = "was there too little memory? the kernel says so in its log (dmesg)"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that was started; `name` is what messages call it."""

    name: str
    process: "subprocess.Popen[bytes]"

    def how_it_ended(self) -> BundlerError:
        """Why it has closed its pipes without a word: it has ended, or is about to."""
        status = self.process.wait()
        if status == OUT_OF_MEMORY:
            return out_of_memory(self.name)
        if status == -signal.SIGKILL:
            return BundlerError(f"{self.name} was killed", hint=_MEMORY_HINT)
        if status < 0:
            name = signal.Signals(-status).name if -status in signal.valid_signals() else f"signal {-status}"
            return BundlerError(f"{self.name} crashed ({name})", hint="please report it, with the image if you can")
        return BundlerError(f"{self.name} ended with exit code {status} and no reason", hint="please report it")


@dataclass(frozen=True, slots=True)
class WorkerConnection:
    """What this process has of a worker: the memory (also as a descriptor, to hand on), and its ends of the pipes."""

    worker: Worker
    memory: mmap.mmap
    descriptor: int
    read: int
    write: int


S = TypeVar("S", bound=Side)
Arguments = TypeVarTuple("Arguments")


def processors() -> int:
    """How many processes can do something at once; 1 where no worker can be started.

    Python need not know where it is (inside another program), and a user whom this process has become may not get
    there.
    """
    return len(os.sched_getaffinity(0)) if sys.executable and os.access(sys.executable, os.X_OK) else 1


@contextmanager
def connected(
    name: str,
    work: Callable[[S, *Arguments], None],
    arguments: tuple[*Arguments],
    *,
    side: type[S],
    size: int,
    descriptors: Collection[int] = (),
) -> Iterator[WorkerConnection]:
    """A worker that does `work(side, *arguments)`, with `size` bytes of shared memory. After the context, it is gone.

    `side` is made of that memory and two ends of pipes, to write to and to read from. `work` and `side` are found by
    their names, and `arguments` are what marshal can write: nothing of this process can be hidden in them. The
    `descriptors` are open there under the same numbers. Raises BundlerError.
    """
    with ExitStack() as here:
        with ExitStack() as there:
            memory = _closed_by(here, os.memfd_create("bundler"))
            os.ftruncate(memory, size)
            (read, their_write), (their_read, write) = os.pipe(), os.pipe()
            (their_lifeline, lifeline) = os.pipe()
            for descriptor in (read, write, lifeline):
                _closed_by(here, descriptor)
            for descriptor in (their_write, their_read, their_lifeline):
                _closed_by(there, descriptor)
            passed = {memory, their_write, their_read, their_lifeline, *descriptors}
            process = here.enter_context(_started(name, their_lifeline, passed))
        ends = memory, their_write, their_read
        job: tuple[Any, ...] = _name(side), ends, _name(work), arguments
        message = marshal.dumps(job)
        with suppress(BrokenPipeError):  # it is gone already, as the reader finds out
            write_all(lifeline, LENGTH.pack(len(message)) + message)
        yield WorkerConnection(Worker(name, process), mmap.mmap(memory, size), memory, read, write)


@contextmanager
def _started(name: str, lifeline: int, descriptors: Collection[int]) -> "Iterator[subprocess.Popen[bytes]]":
    import subprocess  # noqa: PLC0415 -- see above

    process = None
    try:
        # An interruption waits until this process knows its worker: held, since another thread may get the signal. It
        # is blocked, too, which the worker inherits, until that has said what it ignores: Ctrl-C reaches both, and what
        # it means is for this one to say.
        with held(), _signals_blocked():
            process = subprocess.Popen(
                [sys.executable, *_options(), "-c", _BOOT, str(lifeline), _HOME, *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=tuple(descriptors),
            )
        yield process
    except OSError as error:
        if process is not None:
            raise
        raise BundlerError(f"{name} cannot be started: {error.strerror}") from None
    finally:
        if process is not None:
            complete(partial(_end, process))


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _options() -> list[str]:
    """Those of this Python, without what a worker does not need: the environment has the rest.

    -S: sys.path is handed over, so it need not be found again, which takes a fifth of the time of a start.
    """
    isolated = ["-I"] if sys.flags.isolated else []
    return ["-S", "-P", *isolated, *(f"-W{option}" for option in sys.warnoptions)]


@contextmanager
def _signals_blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _closed_by(stack: ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _name(of: Any) -> tuple[str, str]:
    return of.__module__, of.__qualname__


@contextmanager
def read_apart(
    name: str,
    make: Callable[[Sender, *Arguments], None],
    arguments: tuple[*Arguments],
    descriptors: Collection[int] = (),
) -> Iterator[Receiver]:
    """What `make` sends; `name` is what messages call the worker. See `connected`."""
    with connected(name, make, arguments, side=Sender, size=RING, descriptors=descriptors) as ends:
        yield Receiver(ends.worker, ends.memory, ends.read, ends.write)


@contextmanager
def filled_apart(
    name: str,
    fill: Callable[[Filler, *Arguments], None],
    arguments: tuple[*Arguments],
    descriptors: Collection[int] = (),
) -> Iterator[tuple[SharedStream, tuple[int, int]]]:
    """What `fill` puts, and the descriptors by which another worker can be its reader. See `connected`."""
    with connected(name, fill, arguments, side=Filler, size=SIZE, descriptors=descriptors) as ends:
        stream = SharedStream(ends.worker, ends.memory, ends.read, ends.write)
        yield stream, (ends.descriptor, ends.read)
