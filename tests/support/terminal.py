"""A terminal, and a command on it: all that it was shown, and what stands there in the end."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

from tests.support.command import installed, is_in_memory, server
from tests.support.command_call import begin, exit_code


def on_a_terminal(
    *command: str | Path, columns: int = 80, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[int, str]:
    """The exit code, and all that a terminal was shown."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in ("CI", "COLUMNS", "BUNDLER_PROGRESS")}
    environment = plain | {"TERM": "xterm"} | dict(env or {})
    if command[0] == installed() and is_in_memory(environment):
        answers = begin(server().name, command, [there] * 3, cwd=cwd, env=environment, umask=-1)
        shown = _read(here, there)
        return exit_code(answers), shown
    with subprocess.Popen([*command], stdin=there, stdout=there, stderr=there, env=environment, cwd=cwd) as run:
        shown = _read(here, there)
    return run.returncode, shown


def _read(here: int, there: int) -> str:
    """All that a terminal is shown, up to its end; both ends are closed."""
    os.close(there)
    shown = bytearray()
    try:
        while part := os.read(here, 65_536):
            shown += part
    except OSError:  # the last process that had the other end is gone
        pass
    os.close(here)
    return shown.decode()


def screen(shown: str) -> list[str]:
    """The lines that stand there in the end, where nothing but carriage returns moves the cursor."""
    return [_line(line) for line in shown.replace("\r\n", "\n").split("\n")]


def _line(written: str) -> str:
    line: list[str] = []
    column = 0
    for char in written:
        if char == "\r":
            column = 0
        else:
            line[column : column + 1] = [char]
            column += 1
    return "".join(line).rstrip()
