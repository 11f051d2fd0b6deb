"""`hooks`: programs that a runtime starts at six moments of a container's life (config.md, POSIX hooks)."""

import posixpath

from bundler.overrides.node import Node


def hooks(node: Node) -> Node:
    """Each hook with `args`, of which the first is the program's name, and `env` as text."""
    kinds = node.entries()
    return node.with_value(
        {
            kind: listed if listed.value is None else listed.with_value(tuple(_hook(hook) for hook in listed.items()))
            for kind, listed in kinds.items()
        }
    )


def _hook(node: Node) -> Node:
    entries = dict(node.entries())
    path = entries["path"]
    if not path.text().startswith("/"):
        raise path.error(
            f"hooks: the path {path.text()!r} is not absolute", hint="a hook is looked up on the target, never in PATH"
        )
    if "args" not in entries or not entries["args"].items():
        entries["args"] = path.with_value((path.with_value(posixpath.basename(path.text())),))
    return node.with_value(entries)
