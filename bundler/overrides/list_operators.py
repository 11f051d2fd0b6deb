"""`{set, append, prepend, remove}` in the place of a list: what to do with the list that lower files made.

The same power as YAML's tags, for those who write JSON. A map of these words and nothing else stands for an edit at
every key that takes a list; at other keys it is what it is.
"""

from collections.abc import Callable
from typing import Final

from bundler.origins import Json
from bundler.overrides import schema
from bundler.overrides.node import EDIT, Node

OPERATORS: Final = ("set", "prepend", "append", "remove")


def is_edit(key: str, node: Node) -> bool:
    """Whether `node`, as it was written, edits the list of `key` instead of giving one."""
    if not isinstance(node.value, dict) or not node.value or node.tag:
        return False
    return all(name in OPERATORS for name in node.value) and takes_lists(key)


def takes_lists(key: str) -> bool:
    """Whether the schema lets `key` be a list that is merged, or replaced, as a list."""
    rule = schema.rule(key)
    return rule.get("merge") in ("append", "replace", "sequence") and _allows_arrays(rule)


def _allows_arrays(rule: Json) -> bool:
    if "$ref" in rule:
        return _allows_arrays(schema.form(str(rule["$ref"]).rpartition("/")[2]))
    if any(_allows_arrays(choice) for choice in (*rule.get("anyOf", ()), *rule.get("oneOf", ()))):
        return True
    kinds = rule.get("type", ())
    return "array" in ([kinds] if isinstance(kinds, str) else kinds)


def check(root: Node, name: str) -> None:
    """Check a file against the schema, each list of an edit in the place of its key. Raises RequestError."""
    if not isinstance(root.value, dict):
        return schema.check(root, name)
    edits = {key: node for key, node in root.value.items() if is_edit(key, node)}
    schema.check(root.with_value({key: node for key, node in root.value.items() if key not in edits}), name)
    for key, node in edits.items():
        for operator, part in node.entries().items():
            if part.value is None or isinstance(part.value, dict):
                raise part.error(f"{key}.{operator}: a list is expected here")
            schema.check(root.with_value({key: part}), name)
    return None


def normalise_edit(node: Node, normal_form: Callable[[Node], Node]) -> Node:
    """An edit with each of its lists in normal form, marked so that merging knows it."""
    parts = {operator: normal_form(part) for operator, part in node.entries().items()}
    return Node(parts, node.origin, EDIT, key_where=node.key_where)


def published(document: Json) -> Json:
    """The schema as editors need it: every key that takes a list also takes an edit of one."""
    properties = {key: _widened(rule) if takes_lists(key) else rule for key, rule in document["properties"].items()}
    return document | {"properties": properties}


def _widened(rule: Json) -> Json:
    words = ("title", "description", "examples", "merge", "unique_by", "config", "ignored")
    about = {word: rule[word] for word in words if word in rule}
    plain = {word: constraint for word, constraint in rule.items() if word not in words}
    edit = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": dict.fromkeys(OPERATORS, plain),
    }
    return about | {"anyOf": [plain, edit]}
