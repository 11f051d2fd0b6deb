"""A parsed overrides file: nodes that remember their file, line and column, and how many there may be in all."""

import json
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass
from bundler.origins import Json, Origin

MAXIMUM_VALUES: Final = 50_000
MAXIMUM_CHARACTERS: Final = 16 << 20  # a process takes 2 MiB of arguments and variables


@dataclass(slots=True)
class Budget:
    """How much one file, or the files of one project together, may still hold.

    It is counted in values and characters, since an alias, a variable or a path costs nothing to write, whatever it
    stands for.
    """

    values: int = MAXIMUM_VALUES
    characters: int = MAXIMUM_CHARACTERS

    def spend(self, where: str, characters: int, *, values: int = 1) -> None:
        """Count what stands at `where`. Raises RequestError when it is too much."""
        self.values -= values
        self.characters -= characters
        if self.values < 0:
            raise RequestError(f"{where}: more than {MAXIMUM_VALUES} values, aliases included")
        if self.characters < 0:
            what = f"more than {MAXIMUM_CHARACTERS} characters of text, aliases and variables included"
            raise RequestError(f"{where}: {what}")


Scalar: TypeAlias = bool | int | float | str | None
Tag: TypeAlias = Literal["", "!reset", "!override", "!edit"]

# Marks a node that edits the list below it; no file can write this tag.
EDIT: Final = "!edit"


def spelling(value: Json) -> str:
    """How a file spells a scalar that was not read from one; nothing for a list or a map."""
    if isinstance(value, str):
        return value
    return "" if isinstance(value, list | dict) else json.dumps(value)


def from_json(value: Json, origin: Origin) -> "Node":
    """A JSON value as a node; all of it comes from one place."""
    if isinstance(value, dict):
        return Node({key: from_json(inner, origin) for key, inner in value.items()}, origin)
    if isinstance(value, list):
        return Node(tuple(from_json(inner, origin) for inner in value), origin)
    return Node(value, origin, written=spelling(value))


@dataclass(frozen=True, slots=True)
class Node:
    """One YAML value. Sequences are tuples and mappings are dicts of nodes; `tag` is compose's merge instruction.

    `written` is a scalar as the file spells it, so that a number meant as text (`1.10`) stays what it was; `key_where`
    is where the key of a map's entry stands, which may be some lines above its value.
    """

    value: "Scalar | tuple[Node, ...] | dict[str, Node]"
    origin: Origin
    tag: Tag = ""
    written: str = ""
    key_where: str = ""

    def plain(self) -> Json:
        """The value alone, as JSON would hold it."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def text(self) -> str:
        """The value of a node that the schema says is text."""
        if not isinstance(self.value, str):
            raise TypeError(f"{self.origin.where} is not text")
        return self.value

    def items(self) -> "tuple[Node, ...]":
        """The elements of a node that the schema says is a list."""
        if not isinstance(self.value, tuple):
            raise TypeError(f"{self.origin.where} is not a list")
        return self.value

    def listed(self) -> "tuple[Node, ...]":
        """The elements of a list; a node that is none is the only one, as where compose takes one or several."""
        return self.value if isinstance(self.value, tuple) else (self,)

    def entries(self) -> "dict[str, Node]":
        """The entries of a node that the schema says is a map."""
        if not isinstance(self.value, dict):
            raise TypeError(f"{self.origin.where} is not a map")
        return self.value

    def spelled(self) -> "Node":
        """The node with text as its value: a number or a truth value keeps its spelling."""
        return self if isinstance(self.value, str) else self.with_value(self.written)

    def with_value(self, value: "Scalar | tuple[Node, ...] | dict[str, Node]") -> "Node":
        return replace(self, value=value)

    def error(self, message: str, *, hint: str | None = None) -> RequestError:
        """A complaint about this value, with its file, line and column in front."""
        return RequestError(f"{self.origin.where}: {message}", hint=hint)

    def key_error(self, message: str, hint: str) -> RequestError:
        """A complaint about the key that this value stands under."""
        return RequestError(f"{self.key_where or self.origin.where}: {message}", hint=hint)
