"""A call of the command that command_server.py has in memory, as subprocess.run calls a program."""

import os
import re
import selectors
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path

PIECE = 1 << 16


def begin(
    server: str,
    command: Sequence[str | Path],
    streams: Sequence[int],
    *,
    cwd: Path | None,
    env: Mapping[str, str],
    umask: int,
) -> socket.socket:
    """Have the process that listens at the abstract socket `server` begin a command; `exit_code` waits for its end."""
    words = [_umask() if umask == -1 else umask, "", len(command), *command, *map("=".join, env.items())]
    message = b"\0".join(os.fsencode(str(word)) for word in words)
    folder = os.open(cwd or ".", os.O_PATH)
    answers, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with there, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as calling:
            calling.connect(f"\0{server}")
            socket.send_fds(calling, [message], [there.fileno(), folder, *streams])
    except OSError:
        answers.close()
        raise
    finally:
        os.close(folder)
    return answers


def exit_code(answers: socket.socket) -> int:
    """As subprocess has it. The first answer is the number of the process."""
    with answers:
        _, status = answers.recv(100), answers.recv(100)
        return os.waitstatus_to_exitcode(int(status))


def call(
    server: str,
    command: Sequence[str | Path],
    *,
    stdin: bytes,
    cwd: Path | None,
    env: Mapping[str, str],
    umask: int,
    timeout: float,
) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end, by that process."""
    with ExitStack() as opened:
        (its_stdin, source), (stdout, its_stdout), (stderr, its_stderr) = (_pipe(opened) for _ in range(3))
        streams = (its_stdin, its_stdout, its_stderr)
        numbers = [stream.fileno() for stream in streams]
        answers = opened.enter_context(begin(server, command, numbers, cwd=cwd, env=env, umask=umask))
        for stream in streams:
            stream.close()
        try:
            printed = _exchanged(source, stdin, (stdout, stderr), time.monotonic() + timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired(command, timeout) from None
        return subprocess.CompletedProcess(command, exit_code(answers), *printed)


def _pipe(opened: ExitStack) -> tuple[FileIO, FileIO]:
    reading, writing = os.pipe()
    return opened.enter_context(FileIO(reading)), opened.enter_context(FileIO(writing, "w"))


def _umask() -> int:
    """Asked so that no other thread ever has another one."""
    match = re.search(r"^Umask:\t(\d+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert match
    return int(match[1], 8)


def _exchanged(source: FileIO, stdin: bytes, sinks: Sequence[FileIO], deadline: float) -> list[bytes]:
    """What comes out of the sinks, up to their ends, while `stdin` goes into the source."""
    printed = {sink: bytearray() for sink in sinks}
    rest = memoryview(stdin)
    os.set_blocking(source.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_WRITE, source)
        for sink in sinks:
            selector.register(sink, selectors.EVENT_READ, sink)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if key.fileobj is source:
                    rest = rest[_written(source, rest) :]
                    more = bool(rest)
                else:
                    piece = key.data.read(PIECE)
                    printed[key.data] += piece
                    more = bool(piece)
                if not more:
                    selector.unregister(key.fileobj)
                    key.data.close()
    return [bytes(text) for text in printed.values()]


def _written(source: FileIO, rest: memoryview) -> int:
    """How much went into the source: all that there is, where it is not read any more."""
    with suppress(BrokenPipeError):
        return source.write(rest) or 0
    return len(rest)
