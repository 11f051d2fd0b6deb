"""A line as it is pasted: `sudo docker run ...`, with variables in front and, as one word, with line continuations."""

import posixpath
import re
import shlex
from collections.abc import Sequence
from typing import Final

from bundler.errors import RequestError

_PROMPTS: Final = ("$", "#")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_CLIENTS: Final = ("docker", "podman")
_COMMANDS: Final = ("run", "create")
# What starts another program, and its options that take the next word.
_STARTERS: Final = {
    "sudo": ("-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-U", "--user", "--group", "--host"),
    "doas": ("-u", "-C"),
    "env": ("-u", "-C", "--unset", "--chdir"),
    "time": (),
    "exec": (),
}
_WITH_VALUES: Final = (
    *("-H", "--host", "-c", "--context", "--config", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey"),
    *("--connection", "--url", "--root", "--runroot", "--storage-driver", "--cgroup-manager", "--runtime"),
)
# The parts of a line, as a shell would part it: what is quoted by ' or ", what is escaped, and the rest.
_PARTS: Final = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\\r?\n|\\.|[^'"\\]+|.""", re.DOTALL)
_CONTINUED: Final = re.compile(r"\\\r?\n")
_ESCAPED: Final = re.compile(r"\\([$`])")
_ANY_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_EXPANDED: Final = re.compile(r"[$`]")
_MEANT_FOR_A_SHELL: Final = re.compile(r"[$`|&;<>()]")


def words_of_run(words: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The words behind `docker run`, and the variables set in front of it. Raises RequestError for an unclear line.

    A line of words alone is taken as it is: the name of an image may well be `docker`.
    """
    rest = list(words)
    if len(rest) == 1 and any(map(str.isspace, rest[0].strip())):
        rest = _split(rest[0])
    variables: dict[str, str] = {}
    bare = tuple(rest)
    is_started = _drop_front(rest, variables)
    client = posixpath.basename(rest.pop(0)) if rest else ""
    if client in _CLIENTS:
        _drop_options(rest, _WITH_VALUES)
        if rest[:1] == ["container"]:
            del rest[0]
        if rest and rest[0] in _COMMANDS:
            return tuple(rest[1:]), variables
    if is_started or variables:
        hint = "paste what begins with docker run or docker create, or what stands behind it"
        raise RequestError("the line starts something else than docker run or docker create", hint=hint)
    return bare, {}


def _drop_front(rest: list[str], variables: dict[str, str]) -> bool:
    """Drop a prompt, variables, and what starts another program: whether there was something of it."""
    before = len(rest)
    if rest and rest[0] in _PROMPTS:
        del rest[0]
    while rest:
        if _ASSIGNMENT.fullmatch(rest[0]):
            name, _, value = rest.pop(0).partition("=")
            variables[name] = value
        elif rest[0] in _STARTERS:
            _drop_options(rest, _STARTERS[rest.pop(0)])
        else:
            break
    return len(rest) < before


def _drop_options(rest: list[str], with_values: Sequence[str]) -> None:
    while rest and rest[0].startswith("-"):
        if rest.pop(0) in with_values and rest:
            del rest[0]


def _split(line: str) -> list[str]:
    """The words of a line in a shell's grammar, of which nothing is expanded here. Raises RequestError."""
    joined = "".join(part if part.startswith("'") else _CONTINUED.sub("", part) for part in _PARTS.findall(line))
    parts = _PARTS.findall(joined.strip())
    for part in parts:
        _check_part(part)
    try:
        # In double quotes a shell knows more escapes than shlex.
        return shlex.split("".join(_ESCAPED.sub(r"\1", part) if part.startswith('"') else part for part in parts))
    except ValueError as error:
        raise RequestError(f"the line cannot be split into words: {str(error).lower()}") from None


def _check_part(part: str) -> None:
    if part[0] in "'\\":
        return
    meant = _EXPANDED.search(_ANY_ESCAPED.sub("", part)) if part[0] == '"' else _MEANT_FOR_A_SHELL.search(part)
    if meant:
        hint = "without quotes around the whole line your shell does it"
        raise RequestError(f"the line holds a {meant[0]} for a shell, and none reads it here", hint=hint)
