"""The installed command, run as a person would run it."""

import atexit
import functools
import os
import resource
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 240


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

    environment: Mapping[str, str]
    identity: tuple[object, ...]
    namespaces: tuple[int, ...]
    limits: tuple[tuple[int, int], ...]

    @classmethod
    def of_this_process(cls) -> "Circumstances":
        limits = (getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
        return cls(
            {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
            (os.getresuid(), os.getresgid(), os.getgroups(), Path("/").stat().st_ino),
            tuple(path.stat().st_ino for path in sorted(Path("/proc/thread-self/ns").iterdir())),
            tuple(resource.getrlimit(limit) for limit in limits),
        )


class Server:
    """bundler in memory, as this process has started it."""

    def __init__(self) -> None:
        self.circumstances = Circumstances.of_this_process()
        self.name = f"bundler-test-{uuid.uuid4().hex}"
        command: list[str | Path] = [sys.executable, "-P", Path(__file__).with_name("command_server.py"), self.name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.read(5) == b"ready"

    def end(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.wait()


@functools.cache
def server() -> Server:
    started = Server()
    atexit.register(started.end)
    return started


def bundler_here() -> list[str | Path]:
    """What to put before the words of a command line: where all is as when the server was started, a call of it."""
    running = server()
    if running.circumstances != Circumstances.of_this_process():
        return [installed()]
    client = Path(__file__).with_name("command_client.py")
    return [sys.executable, "-S", "-E", client, running.name, installed()]


def call_bundler(
    *arguments: str | Path,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
) -> subprocess.CompletedProcess[str]:
    """Run bundler to its end, whatever that is. `env` is added to the environment of the tests."""
    done = subprocess.run(
        [*([installed()] if env else bundler_here()), *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env=os.environ | dict(env or {}),
        umask=umask,
        timeout=SECONDS,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def bundler(*arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> str:
    """Run bundler, which must succeed, and return what it wrote to standard output."""
    done = call_bundler(*arguments, stdin=stdin, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(map(str, done.args))} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout
