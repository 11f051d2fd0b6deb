"""Whether a file keeps to the vocabulary of overrides files, and what is said of the first thing that does not."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.overrides.node import Node
from bundler.overrides.schema import (
    BOUNDS,
    allowed_range,
    document,
    edit_of,
    nearest_word,
    rule,
    strict_validator,
)

_LONGEST_SHOWN: Final = 100  # characters of what a file says that a message repeats
_NAMES: Final = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def check(root: Node, name: str, edited: frozenset[str] = frozenset()) -> None:
    """Raise RequestError, with file, line and column, for the first thing in `root` that the schema does not allow.

    The keys `edited` hold edits of a list in the place of one.
    """
    import jsonschema  # noqa: PLC0415  (slow to import, and needed by few)

    if not isinstance(root.value, dict):
        raise RequestError(f"{name}:1:1: an overrides file is a map of keys, this is {_kind(root)}")
    errors = list(_validator(edited).iter_errors(root.plain()))
    if errors:
        error = _meant(max(errors, key=jsonschema.exceptions.relevance))
        error = jsonschema.exceptions.best_match([error])  # where no form was meant more than the others
        raise _explained(root, list(error.absolute_path), error)


def _meant(error: Any) -> Any:
    """What is wrong inside of the one form that was meant, where a value may have several: that of the same type."""
    forms: dict[int, list[Any]] = {}
    for inner in error.context or ():
        forms.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [wrong for wrong in forms.values() if not any(map(_is_of_another_type, wrong))]
    return _meant(fitting[0][0]) if len(fitting) == 1 else error


def _is_of_another_type(error: Any) -> bool:
    """Whether `error` is about the value as a whole; where that has several forms, about all of them."""
    if error.path or "propertyNames" in error.schema_path:
        return False
    if error.context:
        return all(map(_is_of_another_type, error.context))
    return error.validator in ("type", "enum", "const", "pattern")


@cache
def _validator(edited: frozenset[str]) -> Any:
    properties = {key: edit_of(each) if key in edited else each for key, each in document()["properties"].items()}
    return strict_validator(document() | {"properties": properties})


def check_value(key: str, node: Node) -> None:
    """Check the value of `key`, read from another file, which its positions are in. Raises RequestError."""
    check(Node({key: node}, node.origin), node.origin.where)


def _explained(root: Node, path: list[str | int], error: Any) -> RequestError:
    """`error` is jsonschema's, about the value at `path`."""
    node, validator, wanted = _at(root, path), str(error.validator), error.validator_value
    if validator == "additionalProperties":
        return _unknown_key(node, path, error.schema)
    if "propertyNames" in error.absolute_schema_path:
        bad = str(error.instance)
        hint = nearest_word(bad, wanted) if validator == "enum" else "a name is not empty and holds no ="
        return _at(node, [bad]).key_error(f"{_shown(path)}: {_quoted(bad)} is not one of its names", hint)
    if validator == "required":
        missing = next(key for key in wanted if key not in node.entries())
        return node.error(f"{_shown(path)}: {missing} is missing")
    words = _words(error)
    remedy = nearest_word(node.value, words) if words and isinstance(node.value, str) else _example(path)
    return node.error(f"{_shown(path)}: found {_kind(node)}, expected {_expected(path, error)}", hint=remedy)


def _unknown_key(node: Node, path: list[str | int], schema: Json) -> RequestError:
    known = schema.get("properties", {})
    bad = next(key for key in node.entries() if key not in known and not (key.startswith("x-") and not path))
    where = f"{_shown(path)}: " if path else ""
    return _at(node, [bad]).key_error(f"{where}unknown key {_quoted(bad)}", _nearest_key(bad, known))


def _words(error: Any) -> list[str]:
    """What a text could have been, in any of the forms that a value may have."""
    forms = error.context or (error.parent.context if error.parent else None) or [error]
    listed = [form.schema.get("words", form.validator_value if form.validator == "enum" else ()) for form in forms]
    return [word for words in listed for word in words if isinstance(word, str)]


def _nearest_key(word: str, known: Iterable[str]) -> str:
    return nearest_word(word.lower().replace("-", "_"), known)


def _expected(path: list[str | int], error: Any) -> str:
    validator, wanted = str(error.validator), error.validator_value
    if validator in ("enum", "const"):
        choices = wanted if validator == "enum" else [wanted]
        return "one of " + ", ".join(str(choice) for choice in choices if choice is not None)
    if validator == "type" and len(path) > 1:
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return " or ".join(_NAMES[kind] for kind in kinds if kind != "null")
    if validator in BOUNDS or (len(path) > 1 and validator == "pattern" and "minimum" in error.schema):
        return allowed_range(error.schema)
    title: str = rule(str(path[0]))["title"]
    return title


def _example(path: list[str | int]) -> str | None:
    if len(path) != 1:
        return None
    import json  # noqa: PLC0415

    example = rule(str(path[0]))["examples"][0]
    return f"for example {path[0]}: {json.dumps(example)}"


def _at(node: Node, path: Iterable[str | int]) -> Node:
    for step in path:
        node = node.items()[step] if isinstance(step, int) else node.entries()[step]
    return node


def _shown(path: list[str | int]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{printable(step[:_LONGEST_SHOWN])}" for step in path)
    return "".join(steps).removeprefix(".")


def _kind(node: Node) -> str:
    match node.value:
        case None:
            return "null"
        case dict():
            return "a map"
        case tuple():
            return "a list"
        case str():
            return f"the text {_quoted(node.value)}"
        case _:
            return node.written


def _quoted(text: str) -> str:
    return f"'{printable(text[:_LONGEST_SHOWN])}'" + ("..." if len(text) > _LONGEST_SHOWN else "")
