"""The text of a unit file (systemd.syntax(7)), in which no string of a document can become a directive.

A value ends with its line, and a backslash at the end joins the next one to it. So what is not known to be harmless is
written in double quotes, with every byte that is not plain ASCII as an escape of C (systemd.service(5), COMMAND LINES).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bundler import data
from bundler.errors import RequestError, printable

Rows = Sequence[tuple[str, str | None]]

_HARMLESS: Final = re.compile(r"[A-Za-z0-9_./:=,@+-]+")
_ESCAPES: Final = {ord("\\"): "\\\\", ord('"'): '\\"', ord("%"): "%%", ord("$"): "$$"}
_PRINTABLE: Final = range(0x20, 0x7F)


def unit_text(**sections: Rows) -> str:
    """A unit file; a row without a value is left out, and so is a section without rows."""
    texts = []
    for name, rows in sections.items():
        lines = [f"{key}={value}" for key, value in rows if value is not None]
        if lines:
            texts.append("\n".join([f"[{name}]", *lines]) + "\n")
    return "\n".join(texts)


def command_line(words: Iterable[str]) -> str:
    """A command as systemd takes it apart into exactly these words. Raises RequestError for what can be no word.

    `%` would begin a specifier and `$` a variable, also in quotes; a lone `;` would begin another command.
    """
    return " ".join(word if _HARMLESS.fullmatch(word) else _quoted(word) for word in words)


def _quoted(word: str) -> str:
    try:
        content = word.encode("utf-8", "surrogateescape")  # a path need not be UTF-8
    except UnicodeEncodeError:
        content = b"\0"
    if b"\0" in content:
        raise RequestError(f"{printable(word[:80])!r} cannot stand on a command line")
    return '"' + "".join(_ESCAPES.get(byte) or _as_text(byte) for byte in content) + '"'


def _as_text(byte: int) -> str:
    return chr(byte) if byte in _PRINTABLE else f"\\x{byte:02x}"


def plain_paths(paths: Iterable[str]) -> str | None:
    """Those of the paths that can stand in a list of paths, where the rules of quoting are others; None without any."""
    plain = dict.fromkeys(path.replace("%", "%%") for path in paths if _HARMLESS.fullmatch(path.replace("%", "")))
    return " ".join(plain) or None


def script_text(name: str) -> str:
    """The script `name` without its comments, which are for readers of the source. An empty line would be more than
    that: StandardInputText= forgets what came before it.
    """
    return re.sub(r"(?m)^ *(?:#.*)?\n", "", data.read(name).decode())


def plain_text(line: str) -> str:
    """One line of text as the settings that take text read it: a backslash would begin an escape, `%` a specifier."""
    return line.strip().replace("\\", "\\\\").replace("%", "%%")


def time_span(nanoseconds: int) -> str:
    """A time as systemd.time(7) writes it; a fraction of a microsecond is more than it can tell."""
    microseconds = max(1, nanoseconds // 1000)
    for size, unit in ((1_000_000, "s"), (1000, "ms")):
        if microseconds % size == 0:
            return f"{microseconds // size}{unit}"
    return f"{microseconds}us"
