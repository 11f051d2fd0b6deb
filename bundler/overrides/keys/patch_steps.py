"""`spec_patch`: the steps of a JSON Patch (RFC 6902 section 4), each with the members its operation needs."""

from typing import Final

from bundler.overrides.node import Node

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
