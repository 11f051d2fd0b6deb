"""How compose lays one service over another, for `extends` and for several files (compose-spec, merge).

This is not how overrides files are merged: here values are still as they were written, a null changes nothing, and
what a list or a map is merged by differs from key to key. RULES has a row for each key that is not merged by its form.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bundler.overrides import schema
from bundler.overrides.coercions import coerce
from bundler.overrides.node import Node


def lay_over(below: Node, above: Node) -> Node:
    """The service `above` over the service `below`. Raises RequestError for what compose cannot merge."""
    return _map(below, above, RULES)


def by_form(below: Node, above: Node) -> Node:
    """Maps by key at every depth, lists one behind the other, a scalar replaces; a null changes nothing."""
    if above.value is None:
        return below
    if isinstance(above.value, dict) and isinstance(below.value, dict):
        return _map(below, above, {})
    if isinstance(above.value, tuple) and isinstance(below.value, tuple):
        return above.with_value((*below.value, *above.value))
    if below.value is not None and (isinstance(above.value, dict | tuple) or isinstance(below.value, dict | tuple)):
        raise above.error(f"a list, a map or a scalar cannot be merged with another form ({below.origin.where})")
    return above


def untagged(node: Node) -> Node:
    """`node` over nothing: what it resets is absent, and `!override` has done its work."""
    if isinstance(node.value, dict):
        kept = {key: untagged(inner) for key, inner in node.value.items() if inner.tag != "!reset"}
        return replace(node, value=kept, tag="")
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(untagged(item) for item in node.value if item.tag != "!reset"), tag="")
    return replace(node, tag="")


def _map(below: Node, above: Node, rules: "dict[str, Rule]") -> Node:
    merged = dict(below.entries())
    for key, node in above.entries().items():
        if node.tag == "!reset":
            merged.pop(key, None)
        elif node.tag == "!override" or key not in merged or merged[key].value is None:
            merged[key] = untagged(node)
        else:
            merged[key] = merged[key] if node.value is None else rules.get(key, by_form)(merged[key], node)
    return above.with_value(merged)


def _replace(_below: Node, above: Node) -> Node:
    return untagged(above)


def _by_name(key: str) -> "Rule":
    """NAME=VALUE lines or a map of them, by name. A null is a name without a value."""

    def rule(below: Node, above: Node) -> Node:
        return above.with_value({**coerce(key, below).entries(), **coerce(key, untagged(above)).entries()})

    return rule


def _each_once(identity: Callable[[Node], object]) -> "Rule":
    """One value or a list of them; one that is there already is replaced where it stands."""

    def rule(below: Node, above: Node) -> Node:
        listed = {identity(item): item for item in (*below.listed(), *untagged(above).listed())}
        return above.with_value(tuple(listed.values()))

    return rule


def _text(node: Node) -> object:
    return repr(node.plain())


def _unique_by(key: str) -> Callable[[Node], object]:
    """What the schema calls unique among the entries of `key`, such as the mount point."""

    def identity(item: Node) -> object:
        (entry,) = coerce(key, item.with_value((item,))).items()
        return entry.entries()[schema.rule(key)["unique_by"]].value

    return identity


def _mounted_name(item: Node) -> object:
    """Where a config or a secret is mounted, or its name if it does not say."""
    if not isinstance(item.value, dict):
        return item.value
    named = item.value.get("target") or item.value.get("source")
    return None if named is None else named.value


def _members(below: Node, above: Node) -> Node:
    """A list of names, or a map of them to their settings."""
    return _map(_as_members(below), _as_members(above), {})


def _as_members(node: Node) -> Node:
    if not isinstance(node.value, tuple):
        return node
    return node.with_value({str(item.value): item.with_value(None) for item in node.value})


def _health(below: Node, above: Node) -> Node:
    return _map(below, above, {"test": _replace})


def _limits(below: Node, above: Node) -> Node:
    return _map(below, above, dict.fromkeys(above.entries(), _replace))


def _logging(below: Node, above: Node) -> Node:
    """The options of another driver mean nothing to this one."""
    drivers = [node.entries()["driver"].value for node in (below, above) if "driver" in node.entries()]
    return untagged(above) if len(set(drivers)) > 1 else by_form(below, above)


Rule = Callable[[Node, Node], Node]
RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(("command", "entrypoint", "build", "extends", "gpus"), _replace),
    **{key: _by_name(key) for key in ("environment", "labels", "annotations", "sysctls")},
    **{key: _each_once(_unique_by(key)) for key in ("volumes", "tmpfs", "devices", "env_file")},
    **dict.fromkeys(("configs", "secrets"), _each_once(_mounted_name)),
    **dict.fromkeys(
        ("cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "expose", "label_file", "links", "ports", "profiles"),
        _each_once(_text),
    ),
    **dict.fromkeys(("depends_on", "networks", "models"), _members),
    "extra_hosts": lambda below, above: _each_once(_text)(_as_lines(below), _as_lines(above)),
    "healthcheck": _health,
    "ulimits": _limits,
    "logging": _logging,
}


def _as_lines(node: Node) -> Node:
    """`extra_hosts` as HOST=IP lines."""
    if not isinstance(node.value, dict):
        return node
    pairs = ((name, item) for name, listed in node.value.items() for item in listed.listed())
    return node.with_value(tuple(item.with_value(f"{name}={item.value}") for name, item in pairs if item.value))
