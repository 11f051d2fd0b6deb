"""Keys that say what the runtime-spec says, in its own words: annotations, hooks, and the steps of `spec_patch`."""

import posixpath
from collections.abc import Callable
from typing import Final

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
        return node.with_value(node.value | {"value": value.spelled()})
    return node.with_value({"value": node.spelled()})


def labels(node: Node) -> Node:
    """A map of names to text. A name alone is an empty label, as in compose."""
    if isinstance(node.value, tuple):
        return node.with_value(_pairs(node, "labels"))
    return node.with_value(
        {
            name: value.with_value("") if value.value is None else value.spelled()
            for name, value in node.entries().items()
        }
    )


def _pairs(node: Node, key: str) -> dict[str, Node]:
    pairs: dict[str, Node] = {}
    for item in node.items():
        name, _, value = item.text().partition("=")
        if not name:
            raise item.error(f"{key}: {printable(item.text())!r} has no name")
        pairs[name] = item.with_value(value)
    return pairs


def hooks(node: Node) -> Node:
    """Each hook with `args`, of which the first is the program's name, and `env` as text."""
    return _each(node, _hook)


def embed_hooks(node: Node, read: Callable[[Node], bytes]) -> Node:
    """The hooks that are to be copied into the bundle get their `content`, which `read` finds by their path.

    It is text of which each character is a byte (latin-1), as a node holds no bytes.
    """

    def embed(_kind: str, hook: Node) -> Node:
        entries = hook.entries()
        if not _is_to_embed(hook):
            return hook
        return hook.with_value(
            entries | {"content": entries["path"].with_value(read(entries["path"]).decode("latin-1"))}
        )

    return _each(node, embed)


def _each(node: Node, change: Callable[[str, Node], Node]) -> Node:
    return node.with_value(
        {
            kind: listed
            if listed.value is None
            else listed.with_value(tuple(change(kind, hook) for hook in listed.items()))
            for kind, listed in node.entries().items()
        }
    )


def _is_to_embed(hook: Node) -> bool:
    entries = hook.entries()
    return "embed" in entries and entries["embed"].value is True


def _hook(kind: str, node: Node) -> Node:
    entries = dict(node.entries())
    path = entries["path"]
    if _is_to_embed(node):
        if kind == "start_container":
            hint = "mount the file with volumes, and give its path there"
            raise path.error("hooks: start_container runs inside the container, where the bundle is not", hint=hint)
        if posixpath.basename(path.text()) in ("", ".", ".."):
            raise path.error(f"hooks: {path.text()!r} is not the path of a file")
    elif not path.text().startswith("/"):
        raise path.error(
            f"hooks: the path {path.text()!r} is not absolute",
            hint="a hook is looked up on the target, never in PATH; embed: true copies a file into the bundle",
        )
    if "args" not in entries or not entries["args"].items():
        entries["args"] = path.with_value((path.with_value(posixpath.basename(path.text())),))
    return node.with_value(entries)


_NEEDED: Final = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from"}


def patch_steps(node: Node) -> Node:
    """The steps as they are, each checked for `value` or `from`."""
    for step in node.items():
        entries = step.entries()
        operation = entries["op"].text()
        needed = _NEEDED.get(operation)
        if needed is not None and needed not in entries:
            raise step.error(f"spec_patch: {operation} needs {needed}")
    return node
