"""The words of a `docker run` line: flags with their values, then the image, then the container's own command.

The rules are those of docker's flag library (pflag), where the first word that is no flag ends the flags. A line may be
pasted as it is: `sudo docker run ...`, with variables in front and, as one word, with line continuations.
"""

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from bundler.errors import RequestError, closest, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides import schema
from bundler.overrides.docker_run.flags import ALIASES, FLAGS, SHORT, Flag
from bundler.overrides.docker_run.values import allowed, boolean
from bundler.overrides.validation import example

_HOST: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN: Final = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(
    rf"(?P<repository>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)(?P<tag>:\w[\w.-]{{0,127}})?(?P<digest>@.*)?",
    re.ASCII,
)
_ID: Final = re.compile(r"(?:sha256:)?[a-f0-9]{64}")
_DIGEST: Final = re.compile(r"@(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})")
_LONGEST: Final = 255  # bytes of a repository's name
_SHOWN: Final = 200


def check_image(name: str) -> None:
    """Raise RequestError for what docker's client takes neither for a name (distribution/reference) nor for an id."""
    if _ID.fullmatch(name):
        return
    match = _NAME.fullmatch(name)
    if match is None and _NAME.fullmatch(name.lower()):
        raise _refused(name, "the name of a repository is in lower case")
    if match is None:
        raise _refused(name, "it is not [HOST[:PORT]/]NAME[:TAG][@DIGEST]")
    if match["digest"] and not _DIGEST.fullmatch(match["digest"]):
        raise _refused(name, f"{printable(match['digest'][1:_SHOWN])!r} is no digest")
    if len(match["repository"]) > _LONGEST:
        raise _refused(name, f"the name of a repository has at most {_LONGEST} bytes")


def _refused(name: str, why: str) -> RequestError:
    hint = "the image stands behind the flags: from-docker-run -- [FLAGS...] IMAGE [COMMAND...]"
    return RequestError(f"docker takes no image {printable(name[:_SHOWN])!r}: {why}", hint=hint)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`values` has what each flag that was given means, once for each time it was given, in order."""

    values: dict[str, list[Json]]
    image: str
    command: tuple[str, ...]

    def last(self, name: str, default: Json = None) -> Json:
        """The value of a flag whose last value counts."""
        return self.values[name][-1] if name in self.values else default

    def all(self, name: str) -> list[Json]:
        return self.values.get(name, [])


def parse(words: Sequence[str]) -> CommandLine:
    """The line after `docker run`. Raises RequestError for the first thing that docker would refuse."""
    values: dict[str, list[Json]] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        for flag, value in _long(word, rest) if word.startswith("--") else _short(word, rest):
            values.setdefault(flag.name, []).append(_meant(flag, value))
    if not rest:
        raise RequestError("docker run needs an image", hint="from-docker-run -- [FLAGS...] IMAGE [COMMAND...]")
    return CommandLine(values, rest[0], tuple(rest[1:]))


def _long(word: str, rest: list[str]) -> Iterator[tuple[Flag, str]]:
    name, separator, value = word[2:].partition("=")
    flag = FLAGS.get(ALIASES.get(name, name))
    if flag is None or not name:
        raise RequestError(f"docker run has no flag --{printable(name[:_SHOWN])}", hint=_near(name))
    yield flag, value if separator else _next(flag, f"--{name}", rest)


def _short(word: str, rest: list[str]) -> Iterator[tuple[Flag, str]]:
    """`-it`, `-m5m`, `-m=5m`, `-e A=1`: switches may share a dash, and what takes a value takes all that follows."""
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = SHORT.get(letter)
        if flag is None:
            what = f"docker run has no flag -{printable(letter)} (in {printable(word[:_SHOWN])})"
            raise RequestError(what, hint="docker run --help lists them")
        if letters.startswith("=") and len(letters) > 1:
            yield flag, letters[1:]
            return
        if flag.grammar is boolean:
            yield flag, "true"
        elif letters:
            yield flag, letters
            return
        else:
            yield flag, _next(flag, f"-{letter}", rest)


def _next(flag: Flag, spelled: str, rest: list[str]) -> str:
    if flag.grammar is boolean:
        return "true"
    if not rest:
        raise RequestError(f"the flag {spelled} needs a value", hint=f"write it behind the flag: {spelled} VALUE")
    return rest.pop(0)


# Of the flags that people mistype most, among those that have no key of their own to take an example of.
_EXAMPLES: Final = {
    "volume": "-v ./data:/data:ro",
    "mount": "--mount type=bind,source=/srv/data,target=/data,readonly",
    "tmpfs": "--tmpfs /run:size=64m",
    "env": "-e TZ=UTC",
    "network": "--network bridge",
    "add-host": "--add-host db:10.0.0.2",
    "device": "--device /dev/fuse",
    "gpus": "--gpus all",
    "security-opt": "--security-opt no-new-privileges",
    "health-interval": "--health-interval 30s",
    "stop-timeout": "--stop-timeout 10",
}


def _meant(flag: Flag, value: str) -> Json:
    try:
        meant = flag.grammar(value)
        return meant if isinstance(meant, bool) or not isinstance(meant, int) else allowed(meant, schema.rule(flag.key))
    except ValueError as error:
        quoted = printable(value[:_SHOWN])
        written = _EXAMPLES.get(flag.name)
        hint = example([flag.key]) or (f"for example {written}" if written else "docker run --help has its form")
        raise RequestError(f"{flag.spelled} '{quoted}': {printable(str(error))}", hint=hint) from None


def _near(name: str) -> str:
    near = closest(name, FLAGS)
    return f"did you mean --{near}?" if near else "docker run --help lists them"


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
