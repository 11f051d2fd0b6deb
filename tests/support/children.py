"""The processes that this one has started."""

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path


def children(parent: int | None = None) -> set[str]:
    """Their numbers; or of those that a `parent` has started."""
    task = "thread-self" if parent is None else f"{parent}/task/{parent}"
    return set(Path(f"/proc/{task}/children").read_text().split())


def of_session(session: int) -> list[str]:
    """The command lines of all processes of a session that still run."""
    lines = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                lines.append(stat.with_name("cmdline").read_text().replace("\0", " "))
    return lines


def said_after_a_kill(folder: Path, start: Callable[[], AbstractContextManager[object]]) -> bytes:
    """Kill a process that has `start`ed another, and wait for that one's end; gives what it wrote meanwhile: nothing.

    The other is a grandchild here; while it lives, it holds the pipe open that is read to its end.
    """
    alive, held = os.pipe()
    process = os.fork()
    if not process:
        os.close(alive)
        with start():
            (folder / "started").touch()
            signal.pause()
    os.close(held)
    while not (folder / "started").exists():
        assert os.waitpid(process, os.WNOHANG) == (0, 0)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    said = os.read(alive, 1)
    os.close(alive)
    return said
