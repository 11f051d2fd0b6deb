"""Several overrides files become one, as compose merges files: a later file wins, maps by key, lists entry by entry."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from bundler.overrides import schema
from bundler.overrides.node import Node


def merge(lower: Mapping[str, Node], higher: Mapping[str, Node]) -> dict[str, Node]:
    """`higher` over `lower`, both in normal form.

    A null or `!reset` gives a key back to what lies below all overrides; `!override` replaces where a list or a map
    would merge.
    """
    merged = dict(lower)
    for key, node in higher.items():
        below = merged.get(key)
        if node.value is None or node.tag == "!reset":
            merged.pop(key, None)
        elif below is None:
            merged[key] = _clean(key, node)
        else:
            merged[key] = _beating(_clean(key, node) if node.tag else _combine(key, below, node), below)
    return merged


def _clean(key: str, node: Node) -> Node:
    """`node` where nothing lies below it: what it resets or removes is simply absent."""
    if isinstance(node.value, dict) and _strategy(key) is _map:
        return _map(key, replace(node, value={}, tag=""), replace(node, tag=""))
    return replace(node, tag="")


def _combine(key: str, below: Node, above: Node) -> Node:
    return _strategy(key)(key, below, above)


def _strategy(key: str) -> "Callable[[str, Node, Node], Node]":
    return STRATEGIES[schema.document()["properties"][key]["merge"]]


def _replace(_key: str, _below: Node, above: Node) -> Node:
    return above


def _map(key: str, below: Node, above: Node) -> Node:
    """By name. In `environment` a null stays: it removes the image's variable, too; elsewhere it removes the entry."""
    entries = dict(below.entries())
    for name, node in above.entries().items():
        if node.tag == "!reset" or (node.value is None and key != "environment"):
            entries.pop(name, None)
        else:
            entries[name] = _beating(node, entries[name]) if name in entries else node
    return above.with_value(entries)


def _append(key: str, below: Node, above: Node) -> Node:
    """Entry by entry: one that is there already (by value, or by its mount point) is replaced where it stands."""
    entries = {_identity(key, node): node for node in below.items()}
    for node in above.items():
        identity = _identity(key, node)
        entries[identity] = _beating(node, entries[identity]) if identity in entries else node
    return above.with_value(tuple(entries.values()))


def _identity(key: str, node: Node) -> object:
    unique_by = schema.document()["properties"][key].get("unique_by")
    return node.entries()[unique_by].value if unique_by else node.value


def _patch(_key: str, below: Node, above: Node) -> Node:
    """Two JSON merge patches, one after the other (RFC 7396): their maps merge at every depth, a null stays a null."""
    if not (isinstance(below.value, dict) and isinstance(above.value, dict)) or above.tag:
        return replace(above, tag="")
    entries = dict(below.value)
    for name, node in above.value.items():
        if node.tag == "!reset":
            entries.pop(name, None)
        else:
            entries[name] = _patch(name, entries[name], node) if name in entries else node
    return above.with_value(entries)


def _beating(node: Node, beaten: Node) -> Node:
    return replace(node, origin=replace(node.origin, beat=beaten.origin))


STRATEGIES: Final[dict[str, Callable[[str, Node, Node], Node]]] = {
    "replace": _replace,
    "map": _map,
    "append": _append,
    "patch": _patch,
}
