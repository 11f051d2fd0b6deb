"""Workers as forks of one program, for tests that need hundreds: `tests/workers` has them as bundler starts them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from bundler.workers import process as workers
from tests.support.children import children

SERVER: Final = Path(__file__).with_name("worker_server.py")
LARGEST: Final = 100


class Forked:
    """What workers/process.py asks a process for."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self._pid = int(told.recv(LARGEST))
        self._status: int | None = None

    def wait(self) -> int:
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(int(self._told.recv(LARGEST)))
            self._told.close()
        return self._status

    def kill(self) -> None:
        if self._status is None:
            with suppress(ProcessLookupError):  # it has ended, as `wait` is about to learn
                os.kill(self._pid, signal.SIGKILL)


@contextmanager
def forked_workers() -> Iterator[Callable[[], set[str]]]:
    """While the context lasts, whatever needs a worker gets a fork; gives what tells the numbers of those that run."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command: list[str | Path] = [sys.executable, "-P", SERVER]
    environment = os.environ | {"PYTHONPATH": str(SERVER.parents[2])}

    @contextmanager
    def started(_name: str, lifeline: int, descriptors: Collection[int]) -> Iterator[Forked]:
        numbers = [lifeline, *(set(descriptors) - {lifeline})]
        told, telling = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with telling:
            socket.send_fds(ours, [str(numbers).encode()], [telling.fileno(), *numbers])
        process = Forked(told)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    with (
        ours,
        subprocess.Popen(command, stdin=theirs.fileno(), env=environment) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        theirs.close()
        patch.setattr(workers, "_started", started)
        yield lambda: children(server.pid)
        ours.close()
