"""What ruamel says of text that is no YAML, in the words of who wrote it: where it was opened, and what to write."""

import re
from typing import Any, Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Meaning:
    """`context` and `problem` are patterns of ruamel's words; `what` and `hint` may have the names in `_places`.

    `opened` says that the place to show is where the context begins, and not where ruamel noticed.
    """

    context: str
    problem: str
    what: str
    hint: str
    opened: bool = False

    def fits(self, context: str, problem: str) -> bool:
        return bool(re.search(self.context, context) and re.search(self.problem, problem))


_INDENT: Final = "keys of one map begin in the same column, and so do the - of one list"
# The first that fits counts.
_MEANINGS: Final = (
    _Meaning(
        "quoted scalar",
        "end of stream|document separator",
        "the quote {opening} that opens here is never closed",
        "write {opening} at the end of the text",
        opened=True,
    ),
    _Meaning(
        "double-quoted scalar",
        "unknown escape character|hexdecimal|hexadecimal",
        "\\{there} is no escape that text in double quotes knows",
        "in single quotes a \\ is a \\, as in 'C:\\data'",
    ),
    _Meaning(
        "flow (?:sequence|mapping)",
        "expected '?,'? or",
        "the {opening} that opens here is not closed where it should be: "
        "{column} has {found} in place of , or {closing}",
        "write {closing} at its end, a comma between two entries, and text with a : in quotes",
        opened=True,
    ),
    _Meaning(
        "",
        r"found character '\\t'|found character '\t'",
        "a tab, which YAML does not take for a blank",
        "write blanks in its place",
    ),
    _Meaning(
        "",
        "that cannot start any token",
        "text cannot begin with {there}",
        'put it in quotes: "{there}..."',
    ),
    _Meaning(
        "",
        "mapping values are not allowed",
        "a second : in one line, or a line that is indented too far",
        f"put text with a : in quotes; {_INDENT}",
    ),
    _Meaning(
        "",
        "sequence entries are not allowed",
        "a list cannot begin here",
        "begin a list on a line of its own, or write it in brackets: [a, b]",
    ),
    _Meaning(
        "block (?:mapping|collection)",
        "expected <block end>",
        "{found} does not fit to the {block} that begins at {opened_at}",
        f"{_INDENT}; text with quotes inside of it stands in quotes of the other kind",
    ),
    _Meaning("simple key", "could not find expected ':'", "a key without a : behind it", "write it as key: value"),
    _Meaning(
        "(?:flow|block) node",
        "expected the node content",
        "{found} where a value should be",
        "write a value, or [] for an empty list and {{}} for an empty map",
    ),
    _Meaning(
        "",
        "undefined alias|undefined anchor",
        "the alias {alias} has no anchor above it",
        "put text that begins with * in quotes",
    ),
    _Meaning("", "another document", "a second document, behind ---", "make a file of each, and name them in order"),
    _Meaning(
        "",
        "expected '<document start>'",
        "{found} behind the end of the document",
        "an overrides file is one map: write lines such as user: app",
    ),
    _Meaning(
        "",
        "special characters are not allowed|unacceptable character",
        "a character that no text file has",
        "write it in double quotes as an escape, such as \\t or \\x01",
    ),
)
_TOKENS: Final = {
    "<scalar>": "text",
    "<stream end>": "the end of the file",
    "<block mapping start>": "a key",
    "<block sequence start>": "a list",
    "<block end>": "a line that is less indented",
    "<block entry>": "a -",
    "<document start>": "---",
    "<document end>": "...",
    "?": "a key",
    "-": "a -",
}
_CLOSING: Final = {"[": "]", "{": "}", "(": ")"}


@dataclass(frozen=True, slots=True)
class _Mark:
    """A place as ruamel has it: line and column, counted from 0."""

    line: int
    column: int

    @classmethod
    def at(cls, text: str, position: int) -> "_Mark":
        before = _lines(text[:position])
        return cls(len(before) - 1, len(before[-1]))


def failure(error: Any, text: str, name: str) -> RequestError:
    """The failure to raise for ruamel's `error` about `text`; `name` is the file's."""
    lines = _lines(text)
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if hasattr(error, "character"):  # ruamel's reader, which has no marks
        mark = _Mark.at(text, error.position)
    context, problem = _line(getattr(error, "context", "")), _line(getattr(error, "problem", "")) or _line(str(error))
    whole = f"{context}, {problem}" if problem.startswith("but ") else problem
    meaning = next((each for each in _MEANINGS if each.fits(context, whole)), None)
    mark = mark or opened
    if meaning is None:
        place = _place(name, mark)
        return RequestError(
            f"{place}: {printable(whole)}", hint="text with other characters than letters and digits stands in quotes"
        )
    words = _places(lines, mark, opened, whole)
    shown = opened if meaning.opened and opened else mark
    what = f"{_place(name, shown)}: {meaning.what.format(**words)}"
    return RequestError(what, hint=meaning.hint.format(**words))


def _places(lines: list[str], mark: Any, opened: Any, problem: str) -> dict[str, str]:
    """What stands where ruamel noticed something, and where what it was reading had begun."""
    opening = _character(lines, opened)
    found = re.search(r"(?:found|got) \(?'([^']+)'", problem)
    token = found[1] if found else ""
    alias = re.search(r"alias '([^']*)'", problem)
    return {
        "alias": f"*{printable(alias[1])}" if alias else "",
        "block": "list" if opening == "-" else "map",
        "closing": _CLOSING.get(opening, opening),
        "column": f"{mark.line + 1}:{mark.column + 1}" if mark else "",
        "found": _TOKENS.get(token, f"a {printable(token)}" if token else "something"),
        "opened_at": f"{opened.line + 1}:{opened.column + 1}" if opened else "",
        "opening": opening,
        "there": _character(lines, mark),
    }


def _character(lines: list[str], mark: Any) -> str:
    if mark is None or mark.line >= len(lines):
        return ""
    return printable(lines[mark.line][mark.column : mark.column + 1])


def _lines(text: str) -> list[str]:
    """The lines as ruamel counts them."""
    return re.split("\r\n|[\r\n\x85\u2028\u2029]", text)


def _place(name: str, mark: Any) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name


def _line(message: str | None) -> str:
    return (message or "").strip().partition("\n")[0]
