"""The vocabulary of overrides files: one JSON Schema, and what it says about a file that breaks it.

The schema is the only home of the keys. Besides JSON Schema's own keywords each key has `merge` (and `unique_by`),
which is how two files are combined, and `config`, the places of config.json it reaches; a `pattern` may have the
`words` that it stands for. The bounds of a number hold for text that is one, too; `least` bounds numbers above 0, which
says to Docker that nothing is wanted.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final

from bundler import data
from bundler.errors import RequestError, closest, printable
from bundler.origins import Json
from bundler.overrides.node import Node

OPERATORS: Final = ("set", "prepend", "append", "remove")
"""What an edit does with the list that lower files made."""
# What the schema says about a key, beside what it may be.
_WORDS: Final = ("title", "description", "examples", "merge", "unique_by", "config", "ignored")
# Of numbers, and of text that is one. `least` bounds what is above 0, which says that nothing is wanted.
_BOUNDS: Final[dict[str, Callable[[int | float, int | float], bool]]] = {
    "minimum": lambda number, bound: number < bound,
    "least": lambda number, bound: 0 < number < bound,
    "maximum": lambda number, bound: number > bound,
}
_DECIMAL: Final = re.compile(r"-?[0-9]{1,40}")
_LARGE: Final = (1 << 63) - 1  # bounds from here on are those of the field in config.json, and of no interest to people
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


@cache
def document() -> dict[str, Json]:
    """The schema of what a compose service, too, may say."""
    schema: dict[str, Json] = data.load("overrides.schema.json")
    return schema


@cache
def published() -> dict[str, Json]:
    """The schema of overrides files, as editors need it: every key that takes a list also takes an edit of one."""
    properties = {key: _widened(each) if takes_lists(key) else each for key, each in document()["properties"].items()}
    return document() | {"properties": properties}


def _widened(plain: Json) -> Json:
    about = {word: plain[word] for word in _WORDS if word in plain}
    constraints = {word: constraint for word, constraint in plain.items() if word not in _WORDS}
    return about | {"anyOf": [constraints, _edit_of(constraints)]}


def _edit_of(constraints: Json) -> Json:
    listed = {"not": {"type": ["null", "object"]}} | constraints
    return {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": dict.fromkeys(OPERATORS, listed),
    }


def takes_lists(key: str) -> bool:
    """Whether the schema lets `key` be a list that is merged, or replaced, as a list."""
    return rule(key).get("merge") in ("append", "replace", "sequence") and _allows_arrays(rule(key))


def _allows_arrays(constraints: Json) -> bool:
    if "$ref" in constraints:
        return _allows_arrays(form(str(constraints["$ref"]).rpartition("/")[2]))
    if any(_allows_arrays(choice) for choice in (*constraints.get("anyOf", ()), *constraints.get("oneOf", ()))):
        return True
    kinds = constraints.get("type", ())
    return "array" in ([kinds] if isinstance(kinds, str) else kinds)


def rule(key: str) -> dict[str, Json]:
    """What the schema says of a key of overrides files; nothing where it is none."""
    properties: dict[str, dict[str, Json]] = document()["properties"]
    return properties.get(key, {})


def form(name: str) -> dict[str, Json]:
    """A form that several keys, or parts of them, have."""
    forms: dict[str, dict[str, Json]] = document()["$defs"]
    return forms[name]


def ignored(key: str) -> bool:
    """Whether `key` is accepted because compose has it, without meaning anything for a bundle."""
    return "ignored" in rule(key)


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
    properties = {key: _edit_of(each) if key in edited else each for key, each in document()["properties"].items()}
    return strict_validator(document() | {"properties": properties})


def strict_validator(schema: Json) -> Any:
    """JSON Schema as we mean it: 200.0 is no whole number, as it is none to Go, and `$` is the end of the text.

    To Python's `re`, `$` matches before a final newline, too, and a host name would come with one.
    """
    import jsonschema  # noqa: PLC0415  (slow to import, and needed by few)

    draft = jsonschema.Draft202012Validator
    kinds = draft.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)

    def pattern(_validator: Any, wanted: str, text: Json, _schema: Json) -> Iterator[jsonschema.ValidationError]:
        if isinstance(text, str) and not re.search(wanted.replace("$", r"\Z"), text):
            yield jsonschema.ValidationError(f"{text!r} does not match {wanted!r}")

    def bound(is_beyond: Callable[[int | float, int | float], bool]) -> Callable[..., Iterator[Any]]:
        def check_bound(_validator: Any, bound: int, value: Json, _schema: Json) -> Iterator[Any]:
            number = _number(value)
            if number is not None and is_beyond(number, bound):
                yield jsonschema.ValidationError(f"{value!r} is beyond {bound}")

        return check_bound

    extend: Any = jsonschema.validators.extend
    bounds = {name: bound(is_beyond) for name, is_beyond in _BOUNDS.items()}
    return extend(draft, {"pattern": pattern, **bounds}, type_checker=kinds)(schema)


def _number(value: Json) -> int | float | None:
    """The number that a value is, or that its text consists of."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


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


def nearest_word(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is none of `known`."""
    words = list(known)
    near = closest(word, words)
    return f"did you mean {near!r}?" if near else f"known here: {', '.join(words)}"


def is_allowed(number: float, schema: Json) -> bool:
    """Whether a number is between the bounds of `schema`."""
    return not any(name in schema and is_beyond(number, schema[name]) for name, is_beyond in _BOUNDS.items())


def allowed_range(schema: Json) -> str:
    """The numbers that are between the bounds of `schema`, in words."""
    lowest, least, highest = (schema.get(bound) for bound in ("minimum", "least", "maximum"))
    upper = "" if highest is None else f" to {highest}" if highest < _LARGE else " or more"
    if least is not None:
        return f"{'0' if lowest == 0 else '0 and below'}, or {least}{upper}"
    return f"{lowest}{upper}" if upper else f"at least {lowest}"


def _expected(path: list[str | int], error: Any) -> str:
    validator, wanted = str(error.validator), error.validator_value
    if validator in ("enum", "const"):
        choices = wanted if validator == "enum" else [wanted]
        return "one of " + ", ".join(str(choice) for choice in choices if choice is not None)
    if validator == "type" and len(path) > 1:
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return " or ".join(_NAMES[kind] for kind in kinds if kind != "null")
    if validator in _BOUNDS or (len(path) > 1 and validator == "pattern" and "minimum" in error.schema):
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
