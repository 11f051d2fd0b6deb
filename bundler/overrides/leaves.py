"""What a place in an overrides file takes, in words: its title in the schema, or what its constraints say."""

from collections.abc import Iterable
from typing import Any, Final

from bundler.origins import Json
from bundler.overrides.schema import allowed_range, strict_validator

_KINDS: Final = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_MOST_NAMES: Final = 12  # of a map's entries, in a message
# Keywords that lead from a value to what is inside it; all others say more of the same value.
_INWARD: Final = ("properties", "items", "additionalProperties", "prefixItems")
_NAMED: Final = ("properties",)


class Leaf:
    """The part of a schema that is about one value: its own constraints, and the titles above them."""

    def __init__(self, root: Json, path: Iterable[str | int]) -> None:
        """`path` leads from the `root` to a keyword of the part; jsonschema's paths do not mention references."""
        self.constraints: Json = root
        self.title: str | None = None
        self._root = root
        steps = list(path)[:-1]
        while steps:
            step = steps.pop(0)
            self._look()
            while isinstance(self.constraints, dict) and step not in self.constraints and "$ref" in self.constraints:
                self.constraints = resolved(root, self.constraints["$ref"])
                self._look()
            if step in _INWARD:
                self.title = None
            self.constraints = self.constraints[step]
            if step in _NAMED:  # what a map of constraints calls "title" is the name of an entry
                self.constraints = self.constraints[steps.pop(0)]
        self._look()

    def _look(self) -> None:
        if self.title is None and isinstance(self.constraints, dict):
            self.title = self.constraints.get("title")

    @property
    def words(self) -> str:
        """What the value may be."""
        return self.title or in_words(self._root, self.constraints)

    def allows(self, value: Json) -> bool:
        """Whether `value` may stand here."""
        wanted = self.constraints if isinstance(self.constraints, dict) else {}
        return bool(strict_validator({"$defs": self._root.get("$defs", {}), **wanted}).is_valid(value))


def resolved(root: Json, reference: str) -> Json:
    """What `reference` (`#/$defs/size`) leads to in the schema `root`."""
    part = root
    for step in reference.removeprefix("#/").split("/"):
        part = part[step]
    return part


def in_words(root: Json, part: Json) -> str:
    """What a value may be, of which only the constraints `part` are known."""
    if "title" in part:
        return str(part["title"])
    if "$ref" in part:
        return in_words(root, resolved(root, part["$ref"]))
    choices = part.get("enum") or ([part["const"]] if "const" in part else ())
    if choices:
        return "one of " + ", ".join(str(choice) for choice in choices if choice is not None)
    if alternatives := part.get("anyOf") or part.get("oneOf"):
        spoken = (in_words(root, each) for each in alternatives)
        return " or ".join(dict.fromkeys(each for each in spoken if each != _KINDS["null"])) or "any value"
    kinds = [kind for kind in _listed(part.get("type", ())) if kind != "null"]
    return " or ".join(_of_kind(root, part, kind) for kind in kinds) or (
        _KINDS["null"] if "type" in part else "any value"
    )


def _of_kind(root: Json, part: Json, kind: str) -> str:
    if (
        kind == "array"
        and isinstance(part.get("items"), dict)
        and (inside := in_words(root, part["items"])) != "any value"
    ):
        return f"a list, each of it {inside}"
    if kind == "object" and 0 < len(names := part.get("properties", {})) <= _MOST_NAMES:
        return f"a map of {', '.join(names)}"
    if kind in ("integer", "number") and ("minimum" in part or "least" in part):
        return f"{_KINDS[kind]}, {allowed_range(part)}"
    return _KINDS[kind]


def _listed(kinds: Any) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(kinds)
