"""The words of a `docker run` line: flags with their values, then the image, then the container's own command.

The rules are those of docker's flag library (pflag), where the first word that is no flag ends the flags.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.overrides.docker_run.flags import ALIASES, FLAGS, SHORT, Flag
from bundler.overrides.docker_run.values import boolean

_SHOWN = 200  # characters of a value that a message repeats


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
            raise RequestError(f"docker run has no flag -{printable(letter)} (in {printable(word[:_SHOWN])})")
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
        raise RequestError(f"the flag {spelled} needs a value")
    return rest.pop(0)


def _meant(flag: Flag, value: str) -> Json:
    try:
        return flag.grammar(value)
    except ValueError as error:
        shown = printable(value[:_SHOWN])
        raise RequestError(f"{flag.spelled} '{shown}': {printable(str(error))}") from None


def _near(name: str) -> str:
    import difflib  # noqa: PLC0415  (only for somebody who mistyped)

    near = difflib.get_close_matches(name, FLAGS, n=1)
    return f"did you mean --{near[0]}?" if near else "docker run --help lists them"
