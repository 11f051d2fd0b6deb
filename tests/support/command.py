"""The installed command, run as a person would run it."""

import atexit
import functools
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.command_call import call
from tests.support.command_client import circumstances_of_this_process, read_at_start

SECONDS = 240
STRACE = "BUNDLER_TEST_STRACE"  # its words, for a call that is to be traced
_STARTING = threading.Lock()
# `python -IS` imports next to nothing, and takes a tenth of the time that bundler takes.
CLIENT = """#!{python} -IS
import sys
sys.path.append({support!r})
from command_client import main
main({arguments})
"""


def installed() -> str:
    """The `bundler` beside the Python that runs the tests."""
    directory = Path(sys.executable).parent
    found = shutil.which("bundler", path=directory)
    if found is None:
        raise RuntimeError(f"there is no bundler in {directory}: run scripts/setup test")
    return found


@dataclass(frozen=True)
class Circumstances:
    """What a process inherits and bundler could notice, but for what is sent along with each call."""

    variables: Mapping[str, str]
    identity: tuple[object, ...]
    namespaces: tuple[int, ...]
    limits: tuple[tuple[int, int], ...]

    @classmethod
    def of_this_process(cls, environment: Mapping[str, str]) -> "Circumstances":
        """Those of a process that this one would start in the environment."""
        limits = (getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
        return cls(
            read_at_start(environment),
            (os.getresuid(), os.getresgid(), os.getgroups(), Path("/").stat().st_ino),
            tuple(path.stat().st_ino for path in sorted(Path("/proc/thread-self/ns").iterdir())),
            tuple(resource.getrlimit(limit) for limit in limits),
        )


class Server:
    """bundler in memory, as this process has started it."""

    def __init__(self) -> None:
        self.circumstances = Circumstances.of_this_process(os.environ)
        self.name = f"bundler-test-{uuid.uuid4().hex}"
        command: list[str | Path] = [sys.executable, "-P", Path(__file__).with_name("command_server.py"), self.name]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        assert self.process.stdout is not None
        assert self.process.stdout.read(5) == b"ready"

    def end(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.wait()


@functools.cache
def _started() -> Server:
    started = Server()
    atexit.register(started.end)
    return started


def server() -> Server:
    """One, whichever thread asks first."""
    with _STARTING:
        return _started()


def is_in_memory(environment: Mapping[str, str]) -> bool:
    """Whether a command that is started here in the environment would be as one of the server's."""
    return server().circumstances == Circumstances.of_this_process(environment)


@contextmanager
def client(program: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """Make `program` bundler, for a shell with this environment that inherits the descriptor which is yielded.

    The command is one of the server's, in whichever namespaces the shell is, and as which user; the shell's locale is
    another name for that of the tests.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_server:
        arguments = {
            "address": server().name,
            "descriptor": to_server.fileno(),
            "installed": installed(),
            "circumstances": circumstances_of_this_process(environment),
        }
        support, words = str(Path(__file__).parent), ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        program.write_text(CLIENT.format(python=sys.executable, support=support, arguments=words))
        program.chmod(0o755)
        yield to_server.fileno()


def call_bundler(
    *arguments: str | Path,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
    strace: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run bundler to its end, whatever that is. `env` is added to the environment of the tests.

    It is traced if `strace` are the words that begin such a command: see strace.py.
    """
    command = [installed(), *arguments]
    environment = os.environ | dict(env or {})
    if is_in_memory(environment):
        if strace:
            environment[STRACE] = json.dumps(strace)
        done = call(server().name, command, stdin=stdin, cwd=cwd, env=environment, umask=umask, timeout=SECONDS)
    else:
        done = subprocess.run(
            [*strace, *command],
            input=stdin,
            capture_output=True,
            check=False,
            cwd=cwd,
            env=environment,
            umask=umask,
            timeout=SECONDS,
        )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def bundler(*arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> str:
    """Run bundler, which must succeed, and return what it wrote to standard output."""
    done = call_bundler(*arguments, stdin=stdin, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(map(str, done.args))} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout
