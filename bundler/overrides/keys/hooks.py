"""`hooks`: programs that a runtime starts at six moments of a container's life (config.md, POSIX hooks)."""

import posixpath
from collections.abc import Callable

from bundler.overrides.node import Node


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
