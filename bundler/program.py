"""A program that was started: read within bounds, and ended, with all that it has started, by who started it.

It runs in a process group of its own. On every way out of its context the group is told to end (SIGTERM), waited for,
and killed where it does not. If this process is killed and cannot do so, a guard does, which leads the group: a shell
that waits for the end of a pipe that this process holds open. Unlike PR_SET_PDEATHSIG it reaches what the program has
started, too, and nothing has to run between fork and exec; it is there before the program is.
"""

import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from bundler.interruptions import complete, held
from bundler.light_dataclasses import dataclass

NO_INPUT: Final = subprocess.DEVNULL
GRACE_SECONDS: Final = 5.0  # between telling a program to end and killing it
_OTHERS_SECONDS: Final = 1.0
_SHORTEST_LOOK: Final = 0.001  # seconds between two looks whether it has ended, where it prints nothing
_LONGEST_LOOK: Final = 0.05
_CHUNK: Final = 1 << 16
_LARGEST_PIPE: Final = 1 << 20  # what may still be in one, unread, when the last who wrote to it has ended
_KEPT_OF_ERRORS: Final = 1 << 16  # bytes; what a program says last is why it failed
_GUARD: Final = "trap '' TERM INT HUP; read -r _; kill -s KILL 0"


@dataclass(frozen=True, slots=True)
class Ended:
    """`returncode` as in subprocess: negative for the signal that ended it. `errors` is the end of what it printed."""

    returncode: int
    output: bytes
    errors: bytes


class Program:
    """One that runs for as long as the context of `started` lasts, and may print `output_limit` bytes."""

    def __init__(self, process: subprocess.Popen[bytes], guard: subprocess.Popen[bytes], output_limit: int) -> None:
        self.process = process
        self._guard = guard
        self._limit = output_limit
        self._output, self._errors = bytearray(), bytearray()
        self._pipes = selectors.DefaultSelector()
        for stream, kept in ((process.stdout, self._output), (process.stderr, self._errors)):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                self._pipes.register(stream, selectors.EVENT_READ, kept)

    def ends_within(self, seconds: float | None) -> bool:
        """Whether it has ended, after so long at the most (None: for ever).

        Raises OverflowError if it prints too much.
        """
        for _ in self._looks(seconds):
            self._check_output()
        return self._has_ended()

    def wait(self) -> Ended:
        """How it ended. Raises OverflowError for too much output."""
        self.ends_within(None)
        self._reap()
        self._check_output()
        return Ended(self.process.returncode, bytes(self._output), bytes(self._errors))

    def end(self) -> None:
        """Have no process of its group run any more. May be called again."""
        if not self._has_ended():
            os.killpg(self._guard.pid, signal.SIGTERM)
            for _ in self._looks(GRACE_SECONDS):
                self._output.clear()
        self._reap()

    def close(self) -> None:
        self._pipes.close()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _looks(self, timeout: float | None) -> Iterator[None]:
        """Read what it prints, piece by piece, until it has ended or `timeout` seconds are over."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _SHORTEST_LOOK
        while not self._has_ended():
            left = pause if deadline is None else min(pause, deadline - time.monotonic())
            if left <= 0:
                return
            pause = _SHORTEST_LOOK if self._read(left) else min(2 * pause, _LONGEST_LOOK)
            yield

    def _has_ended(self) -> bool:
        if self.process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _reap(self) -> None:
        """Kill what it has left behind, the guard as well, and take what it printed last.

        Until this process has waited for the guard, the kernel gives the number of the group to no other.
        """
        if self._guard.returncode is not None:
            return
        os.killpg(self._guard.pid, signal.SIGKILL)
        for _ in range(2 * _LARGEST_PIPE // _CHUNK):  # what has left the group may go on to print
            if not self._read(0):
                break
        self.process.wait()
        self._guard.wait()
        self._wait_for_others()

    def _wait_for_others(self) -> None:
        """For a moment: those that were killed are the children of another process now, which is to wait for them."""
        deadline = time.monotonic() + _OTHERS_SECONDS
        with suppress(OSError):
            while time.monotonic() < deadline:
                os.killpg(self._guard.pid, 0)
                time.sleep(_SHORTEST_LOOK)

    def _read(self, timeout: float) -> bool:
        """Take what it prints within `timeout` seconds; whether there was something."""
        ready = self._pipes.select(timeout)
        for key, _ in ready:
            chunk = os.read(key.fd, _CHUNK)
            if not chunk:
                self._pipes.unregister(key.fileobj)
            kept: bytearray = key.data
            kept += chunk
        del self._errors[:-_KEPT_OF_ERRORS]
        return bool(ready)

    def _check_output(self) -> None:
        if len(self._output) > self._limit:
            raise OverflowError


@contextmanager
def started(
    words: Sequence[str | os.PathLike[str]],
    environment: Mapping[str, str],
    *,
    output_limit: int,
    umask: int = -1,
    inherited: Sequence[int] = (),
    largest_file: int | None = None,
    standard_input: int = NO_INPUT,
) -> Iterator[Program]:
    """Run the program `words` for as long as the context lasts. Raises OSError if there is none.

    The descriptors `inherited` stay open in it, and it reads the open file `standard_input`, if there is one. Writing
    more than `largest_file` bytes to one file fails there.
    """
    with ExitStack() as holding, ExitStack() as ends:
        holding.enter_context(held())
        guard = ends.enter_context(_guard())
        process = subprocess.Popen(
            words,
            stdin=standard_input,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            umask=umask,
            pass_fds=inherited,
            process_group=guard.pid,
        )
        program = Program(process, guard, output_limit)
        ends.callback(program.close)
        ends.callback(complete, program.end)
        if largest_file is not None:
            _limit_files(process.pid, largest_file)
        holding.close()  # from here on, an interruption leads to the end of this, which ends the program
        yield program


class Watched:
    """A program in a process group of its own, whose output and end are waited for together with those of others.

    The descriptor `output` can be read when it has printed something, or nothing can print there any more, and `end`
    when it has ended. The caller ends it; Ctrl-C on the terminal is not for it.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self.output, writing = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                process_group=0,
            )
        except OSError:
            os.close(self.output)
            raise
        finally:
            os.close(writing)
        self.end = os.pidfd_open(self._process.pid)

    def code(self) -> int | None:
        """Its exit code once it has ended; that of a shell for one that a signal has ended."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def close(self) -> None:
        """Forget it, which has ended."""
        self._process.wait()
        os.close(self.output)
        os.close(self.end)


class HeldBack:
    """A program that has its namespaces already and waits: until it is told to proceed, or this process has ended."""

    _WAIT: Final = 'read -r _ && exec "$@"'

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int]) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", self._WAIT, "sh", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(environment),
            pass_fds=inherited,
            process_group=0,  # Ctrl-C is not for it
        )

    def proceed(self) -> Ended:
        """Have it do its work, to its end or until it goes on in the background."""
        output, errors = self._process.communicate(b"\n")
        return Ended(self._process.returncode, output or b"", errors[-_KEPT_OF_ERRORS:])


@contextmanager
def _guard() -> Iterator[subprocess.Popen[bytes]]:
    """What leads a new group, and kills it when this process ends, or the context does."""
    with subprocess.Popen(
        ["/bin/sh", "-c", _GUARD],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        process_group=0,
    ) as shell:
        yield shell


def _limit_files(process: int, size: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    bound = size if most == resource.RLIM_INFINITY else min(size, most)
    with suppress(OSError):  # it has ended already
        resource.prlimit(process, resource.RLIMIT_FSIZE, (bound, bound))
