"""Files of the build machine: overrides files and what they name, read once and remembered by their bytes.

Among these are files of NAME=VALUE lines (`env_file`), in the grammar of docker's --env-file.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bundler.errors import RequestError, printable
from bundler.input_files import InputError, read_named, read_request
from bundler.light_dataclasses import dataclass
from bundler.origins import Origin
from bundler.overrides.node import Budget, Node
from bundler.overrides.yaml_document import MAXIMUM_BYTES, parse, shown_name
from bundler.path_kinds import missing_hint


@dataclass(frozen=True, slots=True)
class OverridesFile:
    """One file as it was read: its name without folders, and the sha256 of its bytes in hex.

    `without_meaning` are the keys in it that are accepted but mean nothing for a bundle.
    """

    name: str
    sha256: str
    without_meaning: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read: what messages call it, the folder that relative paths in it lie below, and its bytes."""

    name: str
    folder: Path
    content: bytes

    def document(self) -> Node:
        """The root of a file of YAML or JSON. Raises RequestError."""
        return parse(self.content, self.name)

    def recorded(self, without_meaning: tuple[str, ...] = ()) -> OverridesFile:
        """What bundler.json says of the file."""
        return OverridesFile(self.name, hashlib.sha256(self.content).hexdigest(), without_meaning)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what an overrides file names, below the folder that this one is in; `files` remembers what was read."""

    folder: Path
    files: list[OverridesFile]

    def read(self, named: Node, limit: int = MAXIMUM_BYTES, *, hint: str | None = None) -> Source:
        """The file whose path is the text of `named`. Raises RequestError."""
        return self.read_path(self.folder / named.text(), named, limit, hint=hint)

    def read_path(self, path: Path, named_by: Node, limit: int = MAXIMUM_BYTES, *, hint: str | None = None) -> Source:
        """A file that `named_by` is about. Raises RequestError."""
        source = read(path, named_by, limit, hint=hint)
        self.files.append(source.recorded())
        return source


def read(path: Path, named_by: Node | None = None, limit: int = MAXIMUM_BYTES, *, hint: str | None = None) -> Source:
    """A file of at most `limit` bytes. What another file names has to be one; a person may also name a pipe.

    Raises RequestError, which says where the file was named, and the `hint`.
    """
    where = f"{named_by.origin.where}: " if named_by else ""
    if hint is None and named_by is not None and not os.path.lexists(path):
        file = named_by.origin.where.partition(":")[0]
        hint = missing_hint(path) or f"a relative path leads from the folder of {file}, {printable(str(path.parent))}"
    try:
        return Source(shown_name(str(path)), path.parent, read_named(path, limit, pipe=named_by is None))
    except InputError as error:
        raise RequestError(f"{where}the file {printable(str(path))} {error}", hint=hint or error.hint) from None


def read_first(path: str | Path, limit: int = MAXIMUM_BYTES) -> Source:
    """What a command line names, `-` for standard input, of at most `limit` bytes. Raises RequestError."""
    if path == "-":
        return Source(shown_name("-"), Path(), read_request("-", limit))
    return read(Path(path), limit=limit)


# White space to Go (unicode.IsSpace), for which Python's includes the separators of ASCII, too.
_BLANKS: Final = " \t\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_FORMATS: Final = ("raw", "docker")


def env_files(node: Node) -> Node:
    """A list of {path, required}. Compose's own format, with quotes, is not understood and so refused."""
    return node.with_value(tuple(_entry(item) for item in node.listed()))


def _entry(node: Node) -> Node:
    if not isinstance(node.value, dict):
        return node.with_value({"path": node, "required": node.with_value(value=True)})
    entries = dict(node.value)
    chosen = entries.pop("format", None)
    if chosen is not None and chosen.value not in _FORMATS:
        raise chosen.error(f"env_file: unknown format {printable(chosen.text()[:40])!r}", hint="known are raw, docker")
    required = entries.get("required")
    entries["required"] = node.with_value(required is None or required.value in (True, "true"))
    return node.with_value(entries)


def parse_env_file(
    text: bytes, name: str, budget: Budget, environment: Mapping[str, str] = MappingProxyType({})
) -> tuple[Node, ...]:
    """The variables of an env file as NAME=VALUE, in order, duplicates included. Raises RequestError.

    As docker reads it: blanks in front of a line and lines that start with # are dropped; nothing else is, neither
    quotes nor what follows a later #. A name without `=` takes its value from the `environment` of docker's client, and
    is left out where that has none.
    """
    variables = []
    for number, raw in enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        where = f"{name}:{number}"
        try:
            line = raw.removesuffix(b"\r").decode().lstrip(_BLANKS)
        except UnicodeDecodeError:
            raise RequestError(f"{where}: not UTF-8") from None
        if not line or line.startswith("#"):
            continue
        budget.spend(where, len(line))
        variable, separator, _ = line.partition("=")
        _check_name(variable, where)
        if "\0" in line:
            raise RequestError(f"{where}: a variable cannot hold a NUL")
        if not separator and variable in environment:
            line, separator = f"{variable}={environment[variable]}", "="
        if separator:
            variables.append(Node(line, Origin("overrides", where)))
    return tuple(variables)


def _check_name(variable: str, where: str) -> None:
    if not variable:
        raise RequestError(f"{where}: no variable name in front of =")
    if any(char.isspace() for char in variable):
        raise RequestError(f"{where}: the variable name {printable(variable[:60])!r} holds blanks")
