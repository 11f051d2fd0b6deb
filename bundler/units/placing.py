"""Where a bundle will lie, and what will run it: the facts in units that no document of the bundle has."""

import re
from pathlib import PurePosixPath

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """`name` is the container's id and the unit's name, `directory` the bundle's on the target.

    `runtime` is a program, by its name or absolute path. `systemd_cgroup` says that the runtime asks systemd for the
    container's control group. `user` says that the manager of an ordinary user runs it. `terminal` is the path of a
    terminal of the machine.
    """

    name: str
    directory: str
    runtime: str = "runc"
    systemd_cgroup: bool = False
    user: bool = False
    terminal: str | None = None

    def call(self, *arguments: str) -> tuple[str, ...]:
        """The runtime's command line."""
        return (self.runtime, *(("--systemd-cgroup",) if self.systemd_cgroup else ()), *arguments)


def check_absolute(path: str, option: str) -> str:
    """`path` without needless slashes. Raises RequestError unless it is absolute."""
    if not path.startswith("/") or "\0" in path or ".." in PurePosixPath(path).parts:
        raise RequestError(f"{option}: {printable(path)} is not an absolute path of the target")
    return str(PurePosixPath("/" + path.lstrip("/")))


def check_runtime(runtime: str) -> str:
    """A program by its name, which systemd looks for in its own path, or by an absolute one. Raises RequestError."""
    if re.fullmatch(r"[A-Za-z0-9_.+-]+", runtime) and not runtime.startswith(("-", "+")):
        return runtime
    if not runtime.startswith("/"):
        raise RequestError(f"--runtime: {printable(runtime)} is neither the name of a program nor an absolute path")
    return check_absolute(runtime, "--runtime")
