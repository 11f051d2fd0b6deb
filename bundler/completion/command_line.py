"""Where on a command line of bundler the word stands that is half typed, by the table of the commands."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# data/commands.json, and a command in it: its `arguments`, the names of its `options` in the table, its `commands`.
Table = Mapping[str, Any]
Command = Mapping[str, Any]


class Place(NamedTuple):
    """A word, the part of it that is a value, and what that value is one of.

    `head` is what of the word stands before the value: `--limit=` of `--limit=la`. `metavar` is what the help calls
    the value, empty for a command or an option. `arguments` are by their metavars, `options` by their longest names.
    """

    command: Command
    head: str
    word: str
    metavar: str
    option: str
    options: Mapping[str, Sequence[str]]
    arguments: Mapping[str, Sequence[str]]
    ended: bool  # by `--`: no option can follow

    def last(self, *names: str) -> str | None:
        """The value of the first of these options, or arguments, that has one."""
        values = (self.options.get(name) or self.arguments.get(name) for name in names)
        return next((each[-1] for each in values if each), None)


def place(table: Table, words: Sequence[str]) -> Place:
    """Of `words` behind the program's name, where the last one stands."""
    *before, word = words
    command = table["bundler"]
    at = 0
    while at < len(before) and "commands" in command:
        name = before[at]
        at += 1
        if name in command["commands"]:
            command = command["commands"][name]
        elif name != "help" and not name.startswith("-"):
            return _Reader(table, command).read(before[at - 1 :], word)
    return _Reader(table, command).read(before[at:], word)


def options_of(table: Table, command: Command) -> list[Mapping[str, Any]]:
    return [table["options"][name] for name in command["options"]]


class _Reader:
    """Reads the words of one command as click does, and takes what is wrong with them as it comes."""

    def __init__(self, table: Table, command: Command) -> None:
        self.command = command
        self.by_name = {name: option for option in options_of(table, command) for name in option["names"]}
        self.options: dict[str, list[str]] = {}
        self.positional: list[str] = []
        self.ended = False

    def read(self, before: Sequence[str], word: str) -> Place:
        waiting = None
        for each in before:
            if waiting is not None:
                self._keep(waiting, each)
                waiting = None
            elif self.ended or not each.startswith("-") or each == "-":
                self.positional.append(each)
                self.ended = self.ended or not self.command.get("interspersed", True)
            elif each == "--":
                self.ended = True
            else:
                waiting = self._option(each)
        if waiting is not None:
            return self._place("", word, waiting)
        name, equals, value = word.partition("=")
        if not self.ended and equals and name.startswith("--") and self.by_name.get(name, {}).get("takes"):
            return self._place(name + equals, value, self.by_name[name])
        return self._place("", word, None)

    def _option(self, word: str) -> Mapping[str, Any] | None:
        """Keep an option; it is given back if its value is the next word."""
        name, equals, value = word.partition("=")
        if not word.startswith("--"):
            return self._cluster(word[1:])
        option = self.by_name.get(name)
        if option is None:
            return None
        if option["takes"] and not equals:
            return option
        self._keep(option, value)
        return None

    def _cluster(self, letters: str) -> Mapping[str, Any] | None:
        """`-qo web`, `-oweb`: flags of one letter, and the value of the last one."""
        for at, letter in enumerate(letters, 1):
            option = self.by_name.get(f"-{letter}")
            if option is None:
                return None
            if option["takes"]:
                if not letters[at:]:
                    return option
                self._keep(option, letters[at:])
                return None
            self._keep(option, "")
        return None

    def _keep(self, option: Mapping[str, Any], value: str) -> None:
        self.options.setdefault(_name(option), []).append(value)

    def _place(self, head: str, word: str, option: Mapping[str, Any] | None) -> Place:
        arguments: dict[str, list[str]] = {}
        spread = _spread(self.command["arguments"])
        for value in self.positional:
            arguments.setdefault(next(spread, ""), []).append(value)
        metavar = next(spread, "") if option is None else option["takes"]
        name = "" if option is None else _name(option)
        return Place(self.command, head, word, metavar, name, self.options, arguments, self.ended)


def _name(option: Mapping[str, Any]) -> str:
    return str(max(option["names"], key=len))


def _spread(arguments: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The metavars of a command's arguments, that of one which takes many without end."""
    for argument in arguments:
        yield argument["metavar"]
        while argument["many"]:
            yield argument["metavar"]
