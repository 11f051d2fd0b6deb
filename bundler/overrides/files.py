"""Files of the build machine: overrides files and what they name, read once and remembered by their bytes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from bundler.errors import RequestError, printable
from bundler.overrides.node import Node
from bundler.overrides.yaml_document import MAXIMUM_BYTES, shown_name


@dataclass(frozen=True, slots=True)
class OverridesFile:
    """One file as it was read: its name without folders, and the sha256 of its bytes in hex.

    `without_meaning` are the keys in it that are accepted but mean nothing for a bundle.
    """

    name: str
    sha256: str
    without_meaning: tuple[str, ...] = ()


def described(path: str, text: bytes, without_meaning: tuple[str, ...] = ()) -> OverridesFile:
    """What bundler.json says of a file that was read."""
    return OverridesFile(shown_name(path), hashlib.sha256(text).hexdigest(), without_meaning)


def read(path: Path, named_by: Node | None = None, limit: int = MAXIMUM_BYTES) -> bytes:
    """At most `limit` + 1 bytes of a regular file. Raises RequestError, which says where the file was named."""
    where = f"{named_by.origin.where}: " if named_by else ""
    shown = printable(str(path))
    try:
        if not path.is_file():
            missing = "is not a file" if path.exists() else "does not exist"
            hint = "what comes out of a pipe is read from standard input, as -" if path.is_fifo() else None
            raise RequestError(f"{where}the file {shown} {missing}", hint=hint)
        with path.open("rb") as stream:
            return stream.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"{where}cannot read {shown}: {reason}") from None
