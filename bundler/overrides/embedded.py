"""Keys that name files of the build machine: the files are read in, so that from here on nothing opens one.

A relative path is relative to the overrides file. EMBEDDED has a row for each such key.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bundler import elf
from bundler.errors import printable
from bundler.overrides import schema, validation
from bundler.overrides.files import OverridesFile, Reader, parse_env_file
from bundler.overrides.keys import devices
from bundler.overrides.keys.verbatim import embed_hooks
from bundler.overrides.node import EDIT, Budget, Node

_LARGEST_PROGRAM: Final = 16 << 20  # bytes; a static init has some tens of thousands, a hook in Go a few millions
_STATIC: Final = "name a static one: /usr/bin/tini-static comes with Debian's package tini"

Embed = Callable[[Node, Reader], Node]


def embed(entries: Mapping[str, Node], folder: Path, files: list[OverridesFile]) -> dict[str, Node]:
    """`entries` with the files they name, which lie below `folder`, read in; each is added to `files`.

    Raises RequestError.
    """
    reader = Reader(folder, files)
    return {
        key: node if key not in EMBEDDED or node.value is None else EMBEDDED[key](node, reader)
        for key, node in entries.items()
    }


def _document(key: str) -> Embed:
    """A key that takes a name of bundler's own, the path of a document, or the document itself."""

    def embed_document(node: Node, reader: Reader) -> Node:
        built_in = schema.rule(key).get("words", ())
        if not isinstance(node.value, str) or node.value in built_in:
            return node
        if not _names_a_file(node.value) and not (reader.folder / node.value).exists():
            hint = f"known are {', '.join(built_in)}; a file is named as ./{printable(node.value)}"
            raise node.error(f"{key}: there is no {printable(node.value)!r}", hint=hint)
        document = reader.read(node).document()
        if not isinstance(document.value, dict):
            raise document.error(
                f"{key}: found no map", hint=f"besides a file, {key} takes {', '.join(built_in) or 'a map'}"
            )
        validation.check_value(key, document)
        return node.with_value(document.value)

    return embed_document


def _names_a_file(text: str) -> bool:
    """Whether a file is meant rather than a name of bundler's own."""
    return "/" in text or text.endswith((".json", ".yaml", ".yml"))


def _env_files(node: Node, reader: Reader) -> Node:
    if node.tag == EDIT:
        return node.with_value({name: _env_files(listed, reader) for name, listed in node.entries().items()})
    budget = Budget()  # one file may be named many times
    return node.with_value(tuple(_env_file(entry, reader, budget) for entry in node.items()))


def _env_file(node: Node, reader: Reader, budget: Budget) -> Node:
    """An entry with its `variables`; a file that is not required may be missing."""
    entries = node.entries()
    if "variables" in entries:  # written down where the file was read, as a docker run line is
        return node
    if entries["required"].value is False and not (reader.folder / entries["path"].text()).exists():
        return node
    source = reader.read(entries["path"])
    variables = parse_env_file(source.content, source.name, budget)
    return node.with_value(entries | {"variables": node.with_value(variables)})


def _init(node: Node, reader: Reader) -> Node:
    """The path of an init that is to be copied into the bundle, as this machine finds it."""
    if not isinstance(node.value, dict) or node.value["embed"].value is False:
        return node
    path = node.value["path"]
    program = _static_program(path, reader.read(path, _LARGEST_PROGRAM, hint=_STATIC).content)
    place, architecture = path.with_value(str(reader.folder / path.text())), path.with_value(program.architecture)
    return node.with_value(node.value | {"path": place, "architecture": architecture})


def _static_program(path: Node, content: bytes) -> elf.Elf:
    """What the kernel starts without any other file: what another one would need is the image's to have, or not."""
    name = printable(path.text())
    try:
        program = elf.parse(lambda offset, length: content[offset : offset + length])
    except elf.ElfError:
        raise path.error(f"init: {name} is no program of machine code", hint=_STATIC) from None
    if program.interpreter is not None:
        loader = printable(os.fsdecode(program.interpreter))
        raise path.error(f"init: {name} is loaded by {loader}, which an image need not have", hint=_STATIC)
    return program


def _hooks(node: Node, reader: Reader) -> Node:
    return embed_hooks(node, lambda path: reader.read(path, _LARGEST_PROGRAM).content)


def _cdi(node: Node, reader: Reader) -> Node:
    return node.with_value(tuple(devices.read_specs(request, reader) for request in node.items()))


def embed_features(target: Node, reader: Reader) -> Node:
    """What a runtime says of itself, in a target that names the file with it."""
    named = target.entries().get("features") if isinstance(target.value, dict) else None
    if named is None or not isinstance(named.value, str):
        return target
    document = reader.read(named).document()
    if not isinstance(document.value, dict):
        raise document.error("target.features: found no map", hint="runc features prints one")
    whole = target.with_value(target.entries() | {"features": document})
    validation.check_value("target", whole)
    return whole


EMBEDDED: Final[dict[str, Embed]] = {
    "profile": _document("profile"),
    "seccomp": _document("seccomp"),
    "env_file": _env_files,
    "init": _init,
    "hooks": _hooks,
    "cdi": _cdi,
    "cni": _document("cni"),
    "target": embed_features,
}
