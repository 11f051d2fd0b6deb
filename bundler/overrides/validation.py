"""Whether a file keeps to the vocabulary of overrides files, and what is said of the first thing that does not."""

import json
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, Final

from bundler.errors import RequestError, closest, printable
from bundler.origins import Json
from bundler.overrides.foreign_words import foreign_document, meant
from bundler.overrides.leaves import Leaf, in_words
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

_A_MAP: Final = "write lines such as user: app; docs/overrides.md has all keys"
_LONGEST_SHOWN: Final = 100  # characters of what a file says that a message repeats
_MOST_KNOWN: Final = 30  # words that a hint lists
_LONGEST_EXAMPLE: Final = 200  # characters


def check(root: Node, name: str, edited: frozenset[str] = frozenset()) -> None:
    """Raise RequestError, with file, line and column, for the first thing in `root` that the schema does not allow.

    The keys `edited` hold edits of a list in the place of one.
    """
    import jsonschema  # noqa: PLC0415  (slow to import, and needed by few)

    foreign = foreign_document(root)
    if not isinstance(root.value, dict):
        what, hint = (foreign.what, foreign.hint) if foreign else (_kind(root), _A_MAP)
        raise RequestError(f"{name}:1:1: an overrides file is a map of keys, this is {what}", hint=hint)
    validator = _validator(edited)
    errors = list(validator.iter_errors(root.plain()))
    if errors and foreign is not None:
        raise RequestError(f"{name} is {foreign.what}, not an overrides file", hint=foreign.hint)
    if errors:
        error = _meant(max(errors, key=jsonschema.exceptions.relevance))
        error = jsonschema.exceptions.best_match([error])  # where no form was meant more than the others
        raise _explained(root, error, Leaf(validator.schema, error.absolute_schema_path))


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


def _explained(root: Node, error: Any, leaf: Leaf) -> RequestError:
    """`error` is jsonschema's, about a value in `root`, and `leaf` what the schema says of that."""
    path, validator, wanted = list(error.absolute_path), str(error.validator), error.validator_value
    node = _at(root, path)
    if validator == "additionalProperties":
        return _unknown_key(node, path, error.schema)
    if "propertyNames" in error.absolute_schema_path:
        bad = str(error.instance)
        hint = nearest_word(bad, wanted) if validator == "enum" else f"a name here is {leaf.words}"
        return _at(node, [bad]).key_error(f"{_shown(path)}: {_quoted(bad)} is not one of its names", hint)
    if validator == "required":
        missing = next(key for key in wanted if key not in node.entries())
        return node.error(f"{_shown(path)}: {missing} is missing", hint=example(path))
    words = _words(error)
    remedy = nearest_word(node.value, words) if words and isinstance(node.value, str) else _remedy(path, node, leaf)
    return node.error(f"{_shown(path)}: found {_kind(node)}, expected {_expected(path, error, leaf)}", hint=remedy)


def _unknown_key(node: Node, path: list[str | int], schema: Json) -> RequestError:
    known = schema.get("properties", {})
    bad = next(key for key in node.entries() if key not in known and not (key.startswith("x-") and not path))
    where = f"{_shown(path)}: " if path else ""
    return _at(node, [bad]).key_error(f"{where}unknown key {_quoted(bad)}", _nearest_key(bad, known, path))


def _nearest_key(word: str, known: Collection[str], path: list[str | int]) -> str:
    near = meant(word, known)
    if near is not None and near not in known:
        return f"write {near}"
    near = near or closest(word.lower().replace("-", "_"), known)
    if near is not None:
        shown = example([near]) if not path else None
        return f"did you mean {near!r}?{f' {shown}' if shown else ''}"
    if len(known) > _MOST_KNOWN:
        return "bundler overrides schema lists all keys, which are those of a compose service"
    return nearest_word(word, known)


def _words(error: Any) -> list[str]:
    """What a text could have been, in any of the forms that a value may have."""
    forms = error.context or (error.parent.context if error.parent else None) or [error]
    listed = [form.schema.get("words", form.validator_value if form.validator == "enum" else ()) for form in forms]
    return [word for words in listed for word in words if isinstance(word, str)]


def _expected(path: list[str | int], error: Any, leaf: Leaf) -> str:
    validator = str(error.validator)
    if validator in BOUNDS or (len(path) > 1 and validator == "pattern" and "minimum" in error.schema):
        return allowed_range(error.schema)
    if validator in ("enum", "const"):
        return in_words({}, {validator: error.validator_value})
    return leaf.words


def _remedy(path: list[str | int], node: Node, leaf: Leaf) -> str | None:
    """What to write instead of a value that does not fit."""
    key = str(path[0])
    foreign = meant(key, document()["properties"].keys() - {key}) if len(path) == 1 else None
    if foreign is not None:
        return f"did you mean {foreign!r}? {example([foreign]) or ''}".rstrip()
    if isinstance(path[-1], str) and not isinstance(node.value, str | dict | tuple) and node.value is not None:
        quoted = json.dumps(node.written)
        if leaf.allows(node.written):
            return f"in quotes it is text: {path[-1]}: {quoted}"
    return example(path)


def example(path: Sequence[str | int]) -> str | None:
    """A line that shows what the key at the beginning of `path` may be; None for what is no key, or has only long ones.

    Of its examples, the first that has what the path leads to.
    """
    examples = rule(str(path[0])).get("examples", ())
    if not examples:
        return None
    fitting = next(
        (each for each in examples if len(path) > 1 and isinstance(each, dict) and path[1] in each), examples[0]
    )
    shown = json.dumps(fitting, ensure_ascii=False)
    return f"for example {path[0]}: {shown}" if len(shown) <= _LONGEST_EXAMPLE else None


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
