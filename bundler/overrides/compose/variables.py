"""Files of variables in compose's grammar, which knows quotes, comments behind values, and variables in values."""

import re
from dataclasses import replace
from typing import Final

from bundler.errors import RequestError, printable
from bundler.origins import Origin
from bundler.overrides.compose.interpolation import BadVariableError, Variables, substitute
from bundler.overrides.node import Node

_LINE: Final = re.compile(r"\s*(?:export[ \t]+)?(?P<name>[\w.\-\[\]]+)[ \t]*(?:[=:][ \t]*(?P<value>.*))?")
_QUOTED: Final = {
    "'": re.compile(r"'(?P<inner>(?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"(?P<inner>(?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPE: Final = re.compile(r'\\([abfnrtv$"\\])')
_ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$"}
_SHOWN: Final = 60


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
    found: dict[str, Node] = {}
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
                found[variable] = Node(value, Origin("overrides", where), written=value)
                values[variable] = variables.values.get(variable, value)
        number += decoded.count("\n", position, end) + 1
        position = end + 1
    return found


def _statement(text: str, start: int, end: int, where: str, known: Variables) -> tuple[str, str | None, int]:
    """A name, its value, and where the last line of the value ends, of what stands from `start` on."""
    match = _LINE.fullmatch(text, start, end)
    if match is None:
        raise RequestError(f"{where}: {printable(text[start : min(end, start + _SHOWN)])!r} is not NAME=VALUE")
    name, value = match["name"], match["value"]
    if value is None:
        return name, known.values.get(name), end
    if value[:1] not in _QUOTED:
        return name, _substituted(value.partition(" #")[0].strip(), where, known), end
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
    return name, _substituted(inner, where, known), end


def _substituted(value: str, where: str, known: Variables) -> str:
    try:
        return substitute(value, known, where)
    except BadVariableError as error:
        raise RequestError(f"{where}: {error}", hint=error.hint) from None
