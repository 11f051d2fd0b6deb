"""Files of the build machine: overrides files and what they name, read once and remembered by their bytes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from bundler.errors import RequestError, printable
from bundler.input_files import InputError, read_named, read_request
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


def read(path: Path, named_by: Node | None = None, limit: int = MAXIMUM_BYTES, *, hint: str | None = None) -> bytes:
    """A file of at most `limit` bytes. What another file names has to be one; a person may also name a pipe.

    Raises RequestError, which says where the file was named, and the `hint`.
    """
    where = f"{named_by.origin.where}: " if named_by else ""
    try:
        return read_named(path, limit, pipe=named_by is None)
    except InputError as error:
        raise RequestError(f"{where}the file {printable(str(path))} {error}", hint=hint) from None


def read_first(path: str, limit: int = MAXIMUM_BYTES) -> bytes:
    """What a command line names, `-` for standard input, of at most `limit` bytes. Raises RequestError."""
    return read_request(path, limit) if path == "-" else read(Path(path), limit=limit)
