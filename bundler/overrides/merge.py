"""Several overrides files become one, as compose merges files: a later file wins, maps by key, lists entry by entry."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from bundler.origins import beating
from bundler.overrides import schema
from bundler.overrides.node import EDIT, Node

# How many maps deep, below a key, a tag has a meaning; none in any list.
_TAGGED_LEVELS: Final = {"map": 1, "lists": 1, "patch": 1 << 30}


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
            merged[key] = _beating(_over(key, below, node), below)
    return merged


def marked(key: str, node: Node) -> Node:
    """`node` with a mark if it edits the list of `key` instead of giving one: {set, append, prepend, remove}.

    An edit has the power of YAML's tags, for those who write JSON. A map of these words and nothing else is one at
    every key that takes a list; at other keys it is what it is.
    """
    if not isinstance(node.value, dict) or not node.value or node.tag or not schema.takes_lists(key):
        return node
    return replace(node, tag=EDIT) if node.value.keys() <= set(schema.OPERATORS) else node


def check_tags(root: Node) -> None:
    """Raise RequestError for a `!reset` or `!override` where merging would pass it by."""
    if root.tag:
        raise root.error(f"{root.tag} is for the keys of the file")
    for key, node in root.entries().items():
        if rule := schema.rule(key):
            _check_tags_below(node, _TAGGED_LEVELS.get(rule["merge"], 0))


def _check_tags_below(node: Node, levels: int) -> None:
    inside: Iterable[Node] = node.value if isinstance(node.value, tuple) else ()
    if isinstance(node.value, dict):
        inside = node.value.values()
    else:
        levels = 0
    for child in inside:
        if child.tag and not levels:
            raise child.error(f"{child.tag} has no meaning here: it is for a key and for the entries of a map")
        _check_tags_below(child, max(levels - 1, 0))


def _clean(key: str, node: Node) -> Node:
    """`node` where nothing lies below it: what it resets or removes is simply absent."""
    if node.tag == EDIT:
        return _edited(key, node.with_value(()), node)
    if isinstance(node.value, dict) and _strategy(key) in (_map, _lists, _patch):
        return _strategy(key)(key, replace(node, value={}, tag=""), replace(node, tag=""))
    return replace(node, tag="")


def _over(key: str, below: Node, above: Node) -> Node:
    if above.tag == EDIT:
        return _edited(key, below, above)
    return _clean(key, above) if above.tag else _strategy(key)(key, below, above)


def _edited(key: str, below: Node, edit: Node) -> Node:
    """`below` after set, remove, prepend and append, in this order; what is added twice stays once, as in _append."""
    parts = {operator: part.items() for operator, part in edit.entries().items()}
    removed = {_identity(key, node) for node in parts.get("remove", ())}
    kept = [node for node in parts.get("set", below.items()) if _identity(key, node) not in removed]
    listed = [*parts.get("prepend", ()), *kept, *parts.get("append", ())]
    if _strategy(key) is _append:
        unique = {_identity(key, node): node for node in listed}
        listed = list(unique.values())
    return Node(tuple(listed), edit.origin, key_where=edit.key_where)


def _strategy(key: str) -> "Callable[[str, Node, Node], Node]":
    return STRATEGIES[schema.rule(key)["merge"]]


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


def _sequence(_key: str, below: Node, above: Node) -> Node:
    """One after the other, for steps that are done in order: the same step may be wanted twice."""
    return above.with_value((*below.items(), *above.items()))


def _lists(key: str, below: Node, above: Node) -> Node:
    """A map of lists: by name, and each list entry by entry. A scalar among them is replaced."""
    entries = dict(below.entries())
    for name, node in above.entries().items():
        if node.tag == "!reset" or node.value is None:
            entries.pop(name, None)
        elif name in entries and not node.tag and isinstance(node.value, tuple):
            entries[name] = _beating(_extended(key, entries[name], node), entries[name])
        else:
            entries[name] = replace(node, tag="")
    return above.with_value(entries)


def _extended(key: str, below: Node, above: Node) -> Node:
    """Entries that have a name (or device) of their own replace the one that has it already."""
    unique_by = schema.rule(key)["unique_by"]
    listed: dict[object, Node] = {}
    for number, node in enumerate((*below.items(), *above.items())):
        named = node.entries().get(unique_by)
        listed[number if named is None else named.value] = node
    return above.with_value(tuple(listed.values()))


def _identity(key: str, node: Node) -> object:
    unique_by = schema.rule(key).get("unique_by")
    return node.entries()[unique_by].value if unique_by else repr(node.plain())


def _patch(_key: str, below: Node, above: Node) -> Node:
    """Two JSON merge patches as one that does what they do one after the other (RFC 7396).

    Their maps merge at every depth, and a null stays a null. A map over a null, a list or a scalar would find nothing
    left of config.json to merge with: it carries `!override`, for which RFC 7396 has no word.
    """
    if not isinstance(above.value, dict):
        return replace(above, tag="")
    replaces = above.tag == "!override" or not isinstance(below.value, dict)
    entries = {} if replaces else dict(below.entries())
    empty = above.with_value({})
    for name, node in above.value.items():
        if node.tag == "!reset":
            entries.pop(name, None)
        elif name in entries:
            entries[name] = _patch(name, entries[name], node)
        else:
            entries[name] = _patch(name, replace(empty, tag=""), node) if isinstance(node.value, dict) else node
    return replace(above, value=entries, tag="!override" if replaces else below.tag)


def _beating(node: Node, beaten: Node) -> Node:
    return replace(node, origin=beating(node.origin, beaten.origin))


STRATEGIES: Final[dict[str, Callable[[str, Node, Node], Node]]] = {
    "replace": _replace,
    "map": _map,
    "append": _append,
    "sequence": _sequence,
    "lists": _lists,
    "patch": _patch,
}
