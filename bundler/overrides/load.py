"""Overrides files → one Overrides value: read, parse, check, normalise, merge."""

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bundler.errors import RequestError, printable
from bundler.origins import UNSET, Unset
from bundler.overrides import schema
from bundler.overrides.merge import check_tags, merge
from bundler.overrides.node import Node
from bundler.overrides.normal_forms import normalise
from bundler.overrides.yaml_document import MAXIMUM_BYTES, parse, shown_name

_BUILT_IN_SECCOMP = ("docker", "unconfined")


@dataclass(frozen=True, slots=True)
class OverridesFile:
    """One file as it was read: its name without folders, and the sha256 of its bytes in hex."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the overrides files say together: keys in normal form, absent ones are UNSET."""

    entries: Mapping[str, Node] = field(default_factory=dict)
    files: tuple[OverridesFile, ...] = ()

    def get(self, key: str) -> Node | Unset:
        return self.entries.get(key, UNSET)

    def items(self, key: str) -> tuple[Node, ...]:
        """The entries of a list; none where the key is unset."""
        node = self.entries.get(key)
        return () if node is None else node.items()

    def is_true(self, key: str) -> bool:
        node = self.entries.get(key)
        return node is not None and node.value is True


def load(paths: Sequence[str]) -> Overrides:
    """Read and merge `paths` in order (`-` is standard input). Raises RequestError with file, line and column."""
    if list(paths).count("-") > 1:
        raise RequestError("standard input can be read only once")
    merged: dict[str, Node] = {}
    files: list[OverridesFile] = []
    for path in paths:
        text = sys.stdin.buffer.read(MAXIMUM_BYTES + 1) if path == "-" else _read(Path(path))
        files.append(OverridesFile(shown_name(path), hashlib.sha256(text).hexdigest()))
        folder = Path() if path == "-" else Path(path).parent
        merged = merge(merged, dict(_embedded(load_one(text, shown_name(path)), folder, files)))
    return Overrides(merged, tuple(files))


def load_one(text: bytes, name: str) -> dict[str, Node]:
    """The keys of one file in normal form. Raises RequestError."""
    root = parse(text, name)
    schema.check(root, name)
    check_tags(root)
    return normalise(root.entries())


def _embedded(entries: Mapping[str, Node], folder: Path, files: list[OverridesFile]) -> Iterator[tuple[str, Node]]:
    """`entries` with the files of the build machine that they name read in: from here on nothing opens a file."""
    for key, node in entries.items():
        if key == "seccomp" and isinstance(node.value, str) and node.value not in _BUILT_IN_SECCOMP:
            path = folder / node.value
            text = _read(path, node)
            name = shown_name(str(path))
            files.append(OverridesFile(name, hashlib.sha256(text).hexdigest()))
            profile = parse(text, name)
            if not isinstance(profile.value, dict):
                raise profile.error("a seccomp profile is a JSON object")
            schema.check_value(key, profile)
            yield key, node.with_value(profile.value)
        else:
            yield key, node


def read_document(path: str, named_by: Node | None = None) -> Node:
    """A YAML or JSON file that overrides name. Raises RequestError, which says where it was named."""
    return parse(_read(Path(path), named_by), shown_name(path))


def _read(path: Path, named_by: Node | None = None) -> bytes:
    where = f"{named_by.origin.where}: " if named_by else ""
    shown = printable(str(path))
    try:
        if not path.is_file():
            missing = "is not a file" if path.exists() else "does not exist"
            raise RequestError(f"{where}the file {shown} {missing}")
        with path.open("rb") as stream:
            return stream.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"{where}cannot read {shown}: {reason}") from None
