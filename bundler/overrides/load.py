"""Overrides files → one Overrides value: read, parse, check, normalise, merge."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Unset
from bundler.overrides.coercions import read_keys
from bundler.overrides.embedded import embed
from bundler.overrides.files import OverridesFile, Source, read_first
from bundler.overrides.imports import Imported
from bundler.overrides.keys.service import without_meaning
from bundler.overrides.merge import merge
from bundler.overrides.node import Node
from bundler.overrides.yaml_document import parse
from bundler.path_kinds import DOCKERFILE, EMPTY, kind_of


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the overrides files say together: keys in their one form, absent ones are UNSET.

    `layers` are what `entries` were merged from, the lowest first; `remarks` are what importers say.
    """

    entries: Mapping[str, Node] = field(default_factory=dict)
    files: tuple[OverridesFile, ...] = ()
    remarks: tuple[str, ...] = ()
    layers: tuple[Mapping[str, Node], ...] = ()

    def get(self, key: str) -> Node | Unset:
        return self.entries.get(key, UNSET)

    @property
    def without_meaning(self) -> str:
        """The keys that a bundle has no place for, each with its file; empty where there are none."""
        files = (file for file in self.files if file.without_meaning)
        return ", ".join(f"{', '.join(file.without_meaning)} ({file.name})" for file in files)

    def upon(self, imported: Sequence[Imported]) -> "Overrides":
        """The overrides with what was imported below them. Raises RequestError for a file that cannot be read."""
        files = [file for one in imported for file in one.files]
        lower = [embed(one.entries, one.folder, files) for one in imported]
        remarks = (remark for one in imported for remark in one.remarks)
        return _stacked((*lower, *self.layers), (*files, *self.files), (*remarks, *self.remarks))

    def over(self, entries: Mapping[str, Node], *files: OverridesFile) -> "Overrides":
        """The overrides with `entries`, in their one form, above them; `files` are what these were read from."""
        return _stacked((*self.layers, entries), (*self.files, *files), self.remarks) if entries else self

    def items(self, key: str) -> tuple[Node, ...]:
        """The entries of a list; none where the key is unset."""
        node = self.entries.get(key)
        return () if node is None else node.items()

    def is_true(self, key: str) -> bool:
        node = self.entries.get(key)
        return node is not None and node.value is True


def load(paths: Sequence[str | Path]) -> Overrides:
    """Read and merge `paths` in order (`-` is standard input). Raises RequestError with file, line and column."""
    if list(paths).count("-") > 1:
        raise RequestError("standard input can be read only once", hint="name a file for the other")
    layers: list[dict[str, Node]] = []
    files: list[OverridesFile] = []
    for path in paths:
        source = read_first(path)
        if str(path) != os.devnull:
            _check_kind(source, str(path))
        root = source.document()
        entries = read_keys(root, source.name)
        files.append(source.recorded(without_meaning(root.entries())))
        layers.append(embed(entries, source.folder, files))
    return _stacked(tuple(layers), tuple(files))


def _check_kind(source: Source, path: str) -> None:
    """Raise RequestError for what no one has written as an overrides file: an empty one may come of a failed command.

    A file that is to say nothing holds a comment, or {}.
    """
    kind = kind_of(source.content)
    if kind in (EMPTY, DOCKERFILE):
        name = "standard input" if path == "-" else source.name
        nothing = "; a file that says nothing holds {}" if kind is EMPTY else ""
        raise RequestError(f"{name} {kind.what}, and no overrides file", hint=f"{kind.hint(path)}{nothing}")


def _stacked(
    layers: tuple[Mapping[str, Node], ...], files: tuple[OverridesFile, ...], remarks: tuple[str, ...] = ()
) -> Overrides:
    merged: dict[str, Node] = {}
    for layer in layers:
        merged = merge(merged, layer)
    return Overrides(merged, files, remarks, layers)


def load_one(text: bytes, name: str) -> dict[str, Node]:
    """The keys of one file, each in its one form. Raises RequestError."""
    return read_keys(parse(text, name), name)
