"""What docker's client takes from the machine it runs on, as values: nothing else in this package asks a machine."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bundler.errors import RequestError, printable


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
