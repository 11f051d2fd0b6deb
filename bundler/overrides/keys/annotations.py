"""`annotations` and `labels`: text by name. An annotation that a runtime acts on has to be allowed where it stands."""

from bundler.errors import printable
from bundler.overrides.node import Node


def annotations(node: Node) -> Node:
    """A map of names to {value, allow_unsafe}; null stays null and removes the name."""
    if isinstance(node.value, tuple):
        return node.with_value({name: _entry(value) for name, value in _pairs(node, "annotations").items()})
    return node.with_value({name: _entry(value) for name, value in node.entries().items()})


def _entry(node: Node) -> Node:
    if node.value is None:
        return node
    if isinstance(node.value, dict):
        value = node.value["value"]
        return node.with_value(node.value | {"value": _text(value)})
    return node.with_value({"value": _text(node)})


def labels(node: Node) -> Node:
    """A map of names to text. A name alone is an empty label, as in compose."""
    if isinstance(node.value, tuple):
        return node.with_value(_pairs(node, "labels"))
    return node.with_value(
        {name: value.with_value("") if value.value is None else _text(value) for name, value in node.entries().items()}
    )


def _pairs(node: Node, key: str) -> dict[str, Node]:
    pairs: dict[str, Node] = {}
    for item in node.items():
        name, _, value = item.text().partition("=")
        if not name:
            raise item.error(f"{key}: {printable(item.text())!r} has no name")
        pairs[name] = item.with_value(value)
    return pairs


def _text(node: Node) -> Node:
    """Text as it is written: a number or a truth value keeps its spelling."""
    return node if isinstance(node.value, str) else node.with_value(node.written)
