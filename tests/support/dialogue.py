"""A program on a terminal, of which a person presses the keys, one after another, and looks at what is drawn."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import SECONDS


class Dialogue:
    """The person's end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._drawn = ""

    def type(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def read_until(self, end: str) -> str:
        """What is drawn until `end` is, without it."""
        deadline = time.monotonic() + SECONDS
        while end not in self._drawn:
            ready, _, _ = select.select([self._descriptor], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise TimeoutError(f"{end!r} was not drawn, but {self._drawn!r}")
            self._drawn += os.read(self._descriptor, 65536).decode(errors="replace")
        before, _, self._drawn = self._drawn.partition(end)
        return before


@contextmanager
def dialogue(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> Iterator[Dialogue]:
    """Run `command` in a folder, on a terminal of which it is the session's first; it is ended with the context."""
    person, program = pty.openpty()
    words = ["setsid", "--ctty", "--wait", *command]
    try:
        process = subprocess.Popen(
            words, stdin=program, stdout=program, stderr=program, cwd=folder, env=os.environ | dict(environment)
        )
    finally:
        os.close(program)
    try:
        yield Dialogue(person)
    finally:
        os.close(person)  # a hangup, at which shells leave
        process.wait(SECONDS)
