"""Keys that name files of the build machine: the files are read in, so that from here on nothing opens one.

A relative path is relative to the overrides file. EMBEDDED has a row for each such key.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from bundler import elf
from bundler.errors import printable
from bundler.overrides import schema
from bundler.overrides.files import OverridesFile, described, parse_env_file, read
from bundler.overrides.keys import devices
from bundler.overrides.keys.verbatim import embed_hooks
from bundler.overrides.node import EDIT, Budget, Node
from bundler.overrides.yaml_document import parse, shown_name

_SECCOMP: Final = ("docker", "unconfined")
_PROFILES: Final = ("docker", "docker@28", "docker@29", "none")
_LARGEST_PROGRAM: Final = 16 << 20  # bytes; a static init has some tens of thousands, a hook in Go a few millions
_STATIC: Final = "name a static one: /usr/bin/tini-static comes with Debian's package tini"

Embed = Callable[[Node, Path, list[OverridesFile]], Node]


def embed(entries: Mapping[str, Node], folder: Path, files: list[OverridesFile]) -> Iterator[tuple[str, Node]]:
    """`entries` with the files they name read in; each is added to `files`. Raises RequestError."""
    for key, node in entries.items():
        yield key, node if key not in EMBEDDED or node.value is None else EMBEDDED[key](node, folder, files)


def _document(key: str, built_in: tuple[str, ...]) -> Embed:
    """A key that takes a name of bundler's own, the path of a document, or the document itself."""

    def embed_document(node: Node, folder: Path, files: list[OverridesFile]) -> Node:
        if not isinstance(node.value, str) or node.value in built_in:
            return node
        path = folder / node.value
        text = read(path, node)
        files.append(described(str(path), text))
        document = parse(text, shown_name(str(path)))
        if not isinstance(document.value, dict):
            raise document.error(
                f"{key}: found no map", hint=f"besides a file, {key} takes {', '.join(built_in) or 'a map'}"
            )
        schema.check_value(key, document)
        return node.with_value(document.value)

    return embed_document


def _env_files(node: Node, folder: Path, files: list[OverridesFile]) -> Node:
    if node.tag == EDIT:
        return node.with_value({name: _env_files(listed, folder, files) for name, listed in node.entries().items()})
    budget = Budget()  # one file may be named many times
    return node.with_value(tuple(_env_file(entry, folder, files, budget) for entry in node.items()))


def _env_file(node: Node, folder: Path, files: list[OverridesFile], budget: Budget) -> Node:
    """An entry with its `variables`; a file that is not required may be missing."""
    entries = node.entries()
    if "variables" in entries:  # written down where the file was read, as a docker run line is
        return node
    path = folder / entries["path"].text()
    if entries["required"].value is False and not path.exists():
        return node
    text = read(path, entries["path"])
    files.append(described(str(path), text))
    variables = parse_env_file(text, shown_name(str(path)), budget)
    return node.with_value(entries | {"variables": node.with_value(variables)})


def _init(node: Node, folder: Path, files: list[OverridesFile]) -> Node:
    """The path of an init that is to be copied into the bundle, as this machine finds it."""
    if not isinstance(node.value, dict) or node.value["embed"].value is False:
        return node
    path = node.value["path"]
    program = _static_program(path, _read_program(path, folder, files, hint=_STATIC))
    place, architecture = path.with_value(str(folder / path.text())), path.with_value(program.architecture)
    return node.with_value(node.value | {"path": place, "architecture": architecture})


def _static_program(path: Node, content: bytes) -> elf.Elf:
    """What the kernel starts without any other file: what another one would need is the image's to have, or not."""
    shown = printable(path.text())
    try:
        program = elf.parse(lambda offset, length: content[offset : offset + length])
    except elf.ElfError:
        raise path.error(f"init: {shown} is no program of machine code", hint=_STATIC) from None
    if program.interpreter is not None:
        loader = printable(os.fsdecode(program.interpreter))
        raise path.error(f"init: {shown} is loaded by {loader}, which an image need not have", hint=_STATIC)
    return program


def _hooks(node: Node, folder: Path, files: list[OverridesFile]) -> Node:
    return embed_hooks(node, lambda path: _read_program(path, folder, files))


def _read_program(path: Node, folder: Path, files: list[OverridesFile], hint: str | None = None) -> bytes:
    found = folder / path.text()
    content = read(found, path, _LARGEST_PROGRAM, hint=hint)
    files.append(described(str(found), content))
    return content


def _cdi(node: Node, folder: Path, files: list[OverridesFile]) -> Node:
    def read_spec(path: Path, named_by: Node) -> bytes:
        text = read(path, named_by)
        files.append(described(str(path), text))
        return text

    return node.with_value(tuple(devices.read_specs(request, folder, read_spec) for request in node.items()))


def embed_features(target: Node, folder: Path, files: list[OverridesFile]) -> Node:
    """What a runtime says of itself, in a target that names the file with it."""
    named = target.entries().get("features") if isinstance(target.value, dict) else None
    if named is None or not isinstance(named.value, str):
        return target
    path = folder / named.value
    text = read(path, named)
    files.append(described(str(path), text))
    document = parse(text, shown_name(str(path)))
    if not isinstance(document.value, dict):
        raise document.error("target.features: found no map", hint="runc features prints one")
    whole = target.with_value(target.entries() | {"features": document})
    schema.check_value("target", whole)
    return whole


EMBEDDED: Final[dict[str, Embed]] = {
    "profile": _document("profile", _PROFILES),
    "seccomp": _document("seccomp", _SECCOMP),
    "env_file": _env_files,
    "init": _init,
    "hooks": _hooks,
    "cdi": _cdi,
    "cni": _document("cni", ()),
    "target": embed_features,
}
