"""Variables of a compose file: in its text (compose-spec, interpolation), and in files of their own.

In text they are `$NAME`, `${NAME}` and `${NAME` with one of `:-` `-` `:?` `?` `:+` `+` and a text that may hold
variables in turn; `$$` is a dollar sign. Files know quotes, comments behind values, and variables in values.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Origin
from bundler.overrides.node import Budget, Node

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
        """The variables, with `values` for the names that are not set."""
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


_LINE: Final = re.compile(r"\s*(?:export[ \t]+)?(?P<name>[\w.\-\[\]]+)[ \t]*(?:[=:][ \t]*(?P<value>.*))?")
_QUOTED: Final = {
    "'": re.compile(r"'(?P<inner>(?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"(?P<inner>(?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPE: Final = re.compile(r'\\([abfnrtv$"\\])')
_ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$"}


def parse_variables(text: bytes, name: str, variables: Variables) -> dict[str, Node]:
    """The variables of the file `name`, in order, the last of each name. Raises RequestError with file and line.

    A variable in a value is one of `variables` or an earlier one of the file; a name without a value takes it from
    `variables`, and is left out if there is none.
    """
    try:
        decoded = text.removeprefix(b"\xef\xbb\xbf").decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise RequestError(f"{name}: not UTF-8") from None
    if "\0" in decoded:
        raise RequestError(f"{name}: a variable cannot hold a NUL")
    assigned: dict[str, Node] = {}
    values = dict(variables.values)
    known = replace(variables, values=values)
    position, number = 0, 1
    while position < len(decoded):
        end = decoded.find("\n", position) % (len(decoded) + 1)
        where = f"{name}:{number}"
        line = decoded[position:end]
        if line.strip() and not line.lstrip().startswith("#"):
            variable, value, end = _statement(decoded, position, end, where, known)
            if value is not None:
                variables.budget.spend(where, len(value))
                assigned[variable] = Node(value, Origin("overrides", where), written=value)
                values[variable] = variables.values.get(variable, value)
        number += decoded.count("\n", position, end) + 1
        position = end + 1
    return assigned


def _statement(text: str, start: int, end: int, where: str, known: Variables) -> tuple[str, str | None, int]:
    """A name, its value, and where the last line of the value ends, of what stands from `start` on."""
    match = _LINE.fullmatch(text, start, end)
    if match is None:
        raise RequestError(f"{where}: {printable(text[start : min(end, start + _SHOWN)])!r} is not NAME=VALUE")
    name, value = match["name"], match["value"]
    if value is None:
        return name, known.values.get(name), end
    if value[:1] not in _QUOTED:
        return name, _substituted_in_file(value.partition(" #")[0].strip(), where, known), end
    quoted = _QUOTED[value[0]].match(text, match.start("value"))
    if quoted is None:
        raise RequestError(f"{where}: a quote that is not closed")
    end = text.find("\n", quoted.end()) % (len(text) + 1)
    behind = text[quoted.end() : end].strip()
    if behind and not behind.startswith("#"):
        raise RequestError(f"{where}: {printable(behind[:_SHOWN])!r} stands behind the closing quote")
    if value[0] == "'":
        return name, quoted["inner"].replace("\\'", "'"), end
    inner = _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), quoted["inner"])
    return name, _substituted_in_file(inner, where, known), end


def _substituted_in_file(value: str, where: str, known: Variables) -> str:
    try:
        return substitute(value, known, where)
    except BadVariableError as error:
        raise RequestError(f"{where}: {error}", hint=error.hint) from None
