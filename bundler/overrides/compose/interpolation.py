"""Variables in the text of a compose file (compose-spec, interpolation): `$NAME`, `${NAME}` and `${NAME` with one of
`:-` `-` `:?` `?` `:+` `+` and a text that may hold variables in turn; `$$` is a dollar sign.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bundler.errors import printable
from bundler.overrides.budget import Budget
from bundler.overrides.node import Node

_SIGN: Final = re.compile(r"\$(?:(?P<escaped>\$)|(?P<named>[A-Za-z_][A-Za-z0-9_]*)|(?P<open>\{))")
_BRACED: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:?[-?+])(?P<word>.*))?", re.DOTALL)
_DEEPEST: Final = 50  # how many ${ stand inside each other; people write two
_LONGEST: Final = 1 << 20  # characters of one text, variables included
_SHOWN: Final = 60
_LONGEST_REASON: Final = 200  # characters of what ${NAME:?...} says


class BadVariableError(ValueError):
    """A variable that is not written right, or that has to be set; `hint` is what to do."""

    def __init__(self, what: str, hint: str = "a dollar sign itself is written $$") -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Variables:
    """What names stand for. `missing` is told each sentence about a name that stands for nothing; `budget` bounds what
    becomes of all texts, as each variable may be made of others.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    missing: Callable[[str], None] = lambda _sentence: None
    budget: Budget = field(default_factory=Budget)

    def beneath(self, values: Mapping[str, str]) -> "Variables":
        """The same, and `values` for the names that are not set."""
        return replace(self, values={**values, **self.values})


def interpolate(node: Node, variables: Variables) -> Node:
    """`node` with the variables in its texts, not in its keys. Raises RequestError with the place of a bad one."""
    if isinstance(node.value, dict):
        return node.with_value({key: interpolate(inner, variables) for key, inner in node.value.items()})
    if isinstance(node.value, tuple):
        return node.with_value(tuple(interpolate(item, variables) for item in node.value))
    if not isinstance(node.value, str) or "$" not in node.value:
        return node
    try:
        text = substitute(node.value, variables, node.origin.where)
    except BadVariableError as error:
        raise node.error(str(error), hint=error.hint) from None
    return replace(node, value=text, written=text)


def substitute(text: str, variables: Variables, where: str) -> str:
    """`text`, which stands at `where`, with its variables. Raises BadVariableError, and RequestError if all texts
    together have become too long.
    """
    substituted = _substituted(text, variables, where, 0)
    variables.budget.spend(where, len(substituted), values=0)
    return substituted


def _substituted(text: str, variables: Variables, where: str, depth: int) -> str:
    if depth > _DEEPEST:
        raise BadVariableError("variables inside variables are nested too deeply")
    pieces: list[str] = []
    position = length = 0
    while match := _SIGN.search(text, position):
        pieces.append(text[position : match.start()])
        position = match.end()
        if match["escaped"]:
            pieces.append("$")
        elif match["named"]:
            pieces.append(_plain(match["named"], variables, where))
        else:
            end = _closing_brace(text, position)
            pieces.append(_braced(text[position:end], variables, where, depth))
            position = end + 1
        length += len(pieces[-1]) + len(pieces[-2])
        if length > _LONGEST:
            raise BadVariableError(f"its variables make a text of more than {_LONGEST} characters")
    return "".join([*pieces, text[position:]])


def _closing_brace(text: str, start: int) -> int:
    """Where the brace before `start` is closed: braces may stand in pairs, else the last one of the text counts."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return place
    last = text.rfind("}", start)
    if last < 0:
        raise BadVariableError(f"${{{printable(text[start : start + _SHOWN])} has no closing brace")
    return last


def _braced(body: str, variables: Variables, where: str, depth: int) -> str:
    match = _BRACED.fullmatch(body)
    if match is None:
        raise BadVariableError(f"${{{printable(body[:_SHOWN])}}} is no variable")
    name, operator, word = match["name"], match["operator"] or "", match["word"] or ""
    value = variables.values.get(name)
    if not operator:
        return _plain(name, variables, where)
    is_given = value is not None and (value != "" or not operator.startswith(":"))
    if operator.endswith("+"):
        return _substituted(word, variables, where, depth + 1) if is_given else ""
    if value is not None and is_given:
        return value
    instead = _substituted(word, variables, where, depth + 1)
    if operator.endswith("?"):
        because = f": {printable(instead[:_LONGEST_REASON])}" if instead else ""
        state = "not set" if value is None else "empty"
        raise BadVariableError(f"the variable {name} is {state}{because}", f"--env {name}=VALUE sets it")
    return instead


def _plain(name: str, variables: Variables, where: str) -> str:
    value = variables.values.get(name)
    if value is None:
        variables.missing(f"warning: {where}: the variable {name} is not set, and nothing stands in its place")
    return value or ""
