"""Variables of a `docker run` line (-e and --env-file), and what docker's client takes from the machine it runs on.

The latter are values: nothing in this package asks a machine.
"""

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.files import parse_env_file
from bundler.overrides.imports import literal
from bundler.overrides.node import Budget


def _no_files(path: str) -> bytes:
    raise RequestError(f"the file {printable(path)} does not exist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """`read` gives a file's bytes or raises RequestError; `console` is a terminal's (height, width) or None."""

    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    read: Callable[[str], bytes] = _no_files
    console: tuple[int, int] | None = None

    def absolute(self, path: str) -> str:
        """`path` as seen from the client's folder, without `.` and `..`."""
        return posixpath.normpath(posixpath.join(self.folder, path))


def variable(given: str) -> str:
    """NAME=VALUE or NAME."""
    if not given or given.startswith("="):
        raise ValueError("a variable has a name")
    return given


def environment(
    files: Iterable[str], variables: Iterable[str], client: Client, *, terminal: bool = False
) -> dict[str, Json]:
    """The keys `env_file` and `environment`, the latter for what stands on the command line; a bare NAME there removes
    the image's variable.

    Docker keeps what stands twice in its files; of a name that stands twice on the command line, only the last value.
    A bare name does not remove what a file sets, unless it is one of the variables that dockerd starts from.
    """
    given: dict[str, str] = {}
    for entry in variables:
        name, separator, _ = entry.partition("=")
        known = client.environment.get(name)
        given[name] = entry if separator or known is None else f"{name}={known}"
    by_path: dict[str, list[str]] = {}
    budget = Budget()  # one file may be named many times
    for path in files:
        by_path.setdefault(path, []).extend(assignments("env-file", path, client, budget))
    listed = [{"path": path, "variables": entries} for path, entries in by_path.items()]
    dockers = {"PATH", "HOSTNAME", "TERM"} if terminal else {"PATH", "HOSTNAME"}
    in_files = {entry.partition("=")[0] for entries in by_path.values() for entry in entries}
    given = {name: entry for name, entry in given.items() if entry != name or name not in in_files - dockers}
    keys: dict[str, Json] = {"env_file": listed, "environment": [literal(entry) for entry in given.values()]}
    return {key: entries for key, entries in keys.items() if entries}


def assignments(flag: str, path: str, client: Client, budget: Budget) -> list[str]:
    """The variables, or labels, of one file. Raises RequestError."""
    name = f"--{flag}: {printable(path)}"
    return [node.text() for node in parse_env_file(client.read(path), name, budget, client.environment)]
