"""The vocabulary of overrides files: one JSON Schema, and what it says of keys, forms and numbers.

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
from bundler.errors import closest
from bundler.origins import Json

OPERATORS: Final = ("set", "prepend", "append", "remove")
"""What an edit does with the list that lower files made."""
# What the schema says about a key, beside what it may be.
_WORDS: Final = ("title", "description", "examples", "merge", "unique_by", "config", "ignored")
# Of numbers, and of text that is one. `least` bounds what is above 0, which says that nothing is wanted.
BOUNDS: Final[dict[str, Callable[[int | float, int | float], bool]]] = {
    "minimum": lambda number, bound: number < bound,
    "least": lambda number, bound: 0 < number < bound,
    "maximum": lambda number, bound: number > bound,
}
_DECIMAL: Final = re.compile(r"-?[0-9]{1,40}")
_LARGE: Final = (1 << 63) - 1  # bounds from here on are those of the field in config.json, and of no interest to people


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
    return about | {"anyOf": [constraints, edit_of(constraints)]}


def edit_of(constraints: Json) -> Json:
    """What takes the place of a list where that is edited: lists for each of the operators."""
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
    bounds = {name: bound(is_beyond) for name, is_beyond in BOUNDS.items()}
    return extend(draft, {"pattern": pattern, **bounds}, type_checker=kinds)(schema)


def _number(value: Json) -> int | float | None:
    """The number that a value is, or that its text consists of."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def nearest_word(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is none of `known`."""
    words = list(known)
    near = closest(word, words)
    return f"did you mean {near!r}?" if near else f"known here: {', '.join(words)}"


def is_allowed(number: float, schema: Json) -> bool:
    """Whether a number is between the bounds of `schema`."""
    return not any(name in schema and is_beyond(number, schema[name]) for name, is_beyond in BOUNDS.items())


def allowed_range(schema: Json) -> str:
    """The numbers that are between the bounds of `schema`, in words."""
    lowest, least, highest = (schema.get(bound) for bound in ("minimum", "least", "maximum"))
    upper = "" if highest is None else f" to {highest}" if highest < _LARGE else " or more"
    if least is not None:
        return f"{'0' if lowest == 0 else '0 and below'}, or {least}{upper}"
    return f"{lowest}{upper}" if upper else f"at least {lowest}"
