"""What will run the bundle, from who describes it: `--target`, the overrides key `target`, or nobody."""

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bundler import host
from bundler.conversion.target import Target, describe
from bundler.errors import RequestError
from bundler.origins import UNSET, Origin
from bundler.overrides import schema
from bundler.overrides.embedded import embed_features
from bundler.overrides.load import Overrides, read_document
from bundler.overrides.node import Node, from_json

HOST: Final = "host"
_OF_FEATURES: Final = "ociVersionMax"  # features.md: every such document has it


def load_target(requested: str | None, overrides: Overrides) -> Target:
    """The target that `requested` describes (`host`, or the path of a file with what the key `target` takes).

    It is laid over what the key says, and that over the defaults. Raises RequestError, ToolError.
    """
    described = overrides.get("target")
    target = Target() if described is UNSET else describe(Target(), described.entries(), described.origin)
    if requested is None:
        return target
    known = {} if described is UNSET else described.entries()
    entries, origin = _probed(known, overrides) if requested == HOST else _read(requested)
    return describe(target, entries, origin)


def _probed(
    known: Mapping[str, Node], overrides: Overrides, runtime: str | None = None
) -> tuple[Mapping[str, Node], Origin]:
    origin = Origin("target", HOST)
    if "runtime" in known:
        runtime = known["runtime"].text()
    found = from_json(host.probe(runtime, _device_paths(overrides), _sources(overrides)), origin)
    schema.check_value("target", found)  # what a runtime says of itself is nobody's promise
    return found.entries(), origin


def host_target(runtime: str | None = None) -> Target:
    """This machine, as `--target host` finds it, with `runtime` or the first that is there. Raises ToolError."""
    return describe(Target(), *_probed({}, Overrides(), runtime))


def read_target(path: str) -> Target:
    """The target that a file describes, over the defaults. Raises RequestError."""
    return describe(Target(), *_read(path))


def _read(path: str) -> tuple[Mapping[str, Node], Origin]:
    """What a file with the words of the key `target` says, or one that a runtime's `features` has written."""
    document = read_document(path)
    if not isinstance(document.value, dict):
        raise RequestError(f"{document.origin.where}: a target is a map, as the overrides key target takes it")
    if _OF_FEATURES in document.entries():
        document = Node({"features": document}, document.origin)
    schema.check_value("target", document)
    document = embed_features(document, Path(path).parent, [])
    return document.entries(), Origin("target", document.origin.where.partition(":")[0])


def _device_paths(overrides: Overrides) -> list[str]:
    """The paths on the machine that `devices` names."""
    paths = []
    for node in overrides.items("devices"):
        named = node.entries().get("host") if isinstance(node.value, dict) else node
        if named is not None and isinstance(named.value, str):
            paths.append(named.value.partition(":")[0])
    return [path for path in paths if path.startswith("/")]


def _sources(overrides: Overrides) -> list[str]:
    """The paths on the machine that `volumes` and `mounts` name."""
    named = [node.entries().get("source") for key in ("volumes", "mounts") for node in overrides.items(key)]
    paths = [posixpath.normpath(node.text()) for node in named if node is not None and isinstance(node.value, str)]
    return sorted({path for path in paths if path.startswith("/")})
