"""What a compose service says in other words, and what of it has no meaning for a bundle."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bundler.errors import printable
from bundler.origins import Json
from bundler.overrides import schema
from bundler.overrides.keys.scalars import parse_cpus, parse_size
from bundler.overrides.node import Node

# deploy.resources → the key of the same meaning.
_DEPLOYED: Final = {
    ("limits", "cpus"): "cpus",
    ("limits", "memory"): "mem_limit",
    ("limits", "pids"): "pids_limit",
    ("reservations", "memory"): "mem_reservation",
    ("reservations", "devices"): "gpus",
}
_QUANTITIES: Final[Mapping[str, Callable[[str], int]]] = {
    "cpus": parse_cpus,
    "mem_limit": parse_size,
    "mem_reservation": parse_size,
    "pids_limit": int,
}


def deployed_keys(entries: Mapping[str, Node]) -> dict[str, Node]:
    """The keys that `deploy.resources` stands for. Raises RequestError where a key says otherwise, as compose does."""
    found = {}
    for group, name, node in _resources(entries):
        key = _DEPLOYED.get((group, name))
        if key is None or node.value is None or key not in schema.document()["properties"]:
            continue
        beside = entries.get(key)
        if beside is not None and beside.value is not None and _meant(key, beside) != _meant(key, node):
            raise node.error(f"deploy.resources.{group}.{name}: {key} says otherwise in the same file")
        found[key] = node
    return found


def _meant(key: str, node: Node) -> Json:
    """What a value stands for: 0.5 and '0.50', or 20m and 20M, say the same."""
    read = _QUANTITIES.get(key)
    if read is None or isinstance(node.value, dict | tuple):
        return node.plain()
    try:
        return read(node.written)
    except ValueError:
        return node.plain()


def without_meaning(entries: Mapping[str, Node]) -> tuple[str, ...]:
    """The keys of a file that a bundle has no place for, in its order."""
    rules = schema.document()["properties"]
    found = [key for key, node in entries.items() if "ignored" in rules.get(key, {}) and node.value is not None]
    if "deploy" in entries and isinstance(entries["deploy"].value, dict):
        found += [f"deploy.{printable(key)}" for key in entries["deploy"].value if key != "resources"]
        found += [
            f"deploy.resources.{group}.{name}"
            for group, name, _ in _resources(entries)
            if _DEPLOYED.get((group, name)) not in rules
        ]
    return tuple(found)


def _resources(entries: Mapping[str, Node]) -> Iterator[tuple[str, str, Node]]:
    node = entries.get("deploy")
    deploy = node.value if node is not None and isinstance(node.value, dict) else {}
    resources = deploy["resources"].value if "resources" in deploy else None
    for group, named in resources.items() if isinstance(resources, dict) else ():
        for name, value in named.value.items() if isinstance(named.value, dict) else ():
            if not name.startswith("x-"):
                yield group, name, value
