"""`env_file`: files of NAME=VALUE lines, in the grammar of docker's --env-file."""

from typing import Final

from bundler.errors import RequestError, printable
from bundler.origins import Origin
from bundler.overrides.budget import Budget
from bundler.overrides.node import Node

_BLANKS: Final = " \t\v\f\r\x85\xa0"
_FORMATS: Final = ("raw", "docker")


def env_files(node: Node) -> Node:
    """A list of {path, required}. Compose's own format, with quotes, is not understood and so refused."""
    given = node.items() if isinstance(node.value, tuple) else (node,)
    return node.with_value(tuple(_entry(item) for item in given))


def _entry(node: Node) -> Node:
    if not isinstance(node.value, dict):
        return node.with_value({"path": node, "required": node.with_value(value=True)})
    entries = dict(node.value)
    chosen = entries.pop("format", None)
    if chosen is not None and chosen.value not in _FORMATS:
        raise chosen.error(f"env_file: unknown format {printable(chosen.text()[:40])!r}", hint="known are raw, docker")
    required = entries.get("required")
    entries["required"] = node.with_value(required is None or required.value in (True, "true"))
    return node.with_value(entries)


def parse_env_file(text: bytes, name: str, budget: Budget) -> tuple[Node, ...]:
    """The variables of an env file as NAME=VALUE, in order, duplicates included. Raises RequestError.

    As docker reads it: blanks in front of a line and lines that start with # are dropped; nothing else is, neither
    quotes nor what follows a later #. A name without `=` would take the value from the environment of the client: here
    nothing is read from there, so it is left out, as docker does for a variable that is not set.
    """
    variables = []
    for number, raw in enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        where = f"{name}:{number}"
        try:
            line = raw.removesuffix(b"\r").decode().lstrip(_BLANKS)
        except UnicodeDecodeError:
            raise RequestError(f"{where}: not UTF-8") from None
        if not line or line.startswith("#"):
            continue
        variable, separator, _ = line.partition("=")
        _check_name(variable, where)
        if "\0" in line:
            raise RequestError(f"{where}: a variable cannot hold a NUL")
        budget.spend(where, len(line))
        if separator:
            variables.append(Node(line, Origin("overrides", where)))
    return tuple(variables)


def _check_name(variable: str, where: str) -> None:
    if not variable:
        raise RequestError(f"{where}: no variable name in front of =")
    if any(char.isspace() for char in variable):
        raise RequestError(f"{where}: the variable name {printable(variable[:60])!r} holds blanks")
