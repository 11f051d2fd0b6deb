"""What to do about wrong words of a command line: mostly, to read what the command takes."""

import os
import re
import shlex
from collections.abc import Sequence
from typing import Any, Final

from bundler import data
from bundler.cli.parsing.other_options import meant_by
from bundler.errors import printable

# How a tag may look that was typed behind its name; a file or a folder is none.
_TAG: Final = re.compile(r"v?[0-9][A-Za-z0-9_.-]*|latest|stable|alpine")
_OF_ONE_IMAGE: Final = ("build", "config", "inspect", "harden", "run")


def hint_at(error: Any, command: str, typed: Sequence[str]) -> str:
    """The hint at what `error` of the parser says of the words `typed` behind the `command`, as that was called."""
    named = command.partition(" ")[2]
    kind = type(error).__name__
    option = getattr(error, "option_name", None) or ""
    if kind == "NoSuchOption":
        return instead(error, command) or _of_another_place(option, command)
    if kind == "MissingParameter":
        return _with_example(error, command)
    if kind == "BadOptionUsage" and "not take a value" in error.format_message():
        return f"{option} alone switches it on; {command} --help"
    if kind == "UsageError":
        return _in_one_word(named, [word for word in typed if not word.startswith("-")]) or f"{command} --help"
    return f"{command} --help"


def instead(error: Any, command: str) -> str | None:
    """What to do instead of an option that is another command's, or another program's."""
    known = type(error).__name__ == "NoSuchOption"
    return meant_by(error.option_name, command.partition(" ")[2]) if known else None


def _of_another_place(option: str, command: str) -> str:
    if command.endswith(" run"):
        return f"{command} --help; what is to run in the container follows --: {command} BUNDLE -- PROGRAM {option}"
    if " " not in command:
        table: Any = data.load("commands.json")
        if any(option in described["names"] for described in table["options"].values()):
            return f"options stand behind their command: {command} COMMAND {option}; {command} --help"
    return f"{command} --help"


def _with_example(error: Any, command: str) -> str:
    """How the command is used: the first example of its help."""
    epilog = getattr(getattr(getattr(error, "ctx", None), "command", None), "epilog", None) or ""
    examples = epilog.split("\n\n")[1:]
    return f"{command} --help; for example {examples[0]}" if examples else f"{command} --help"


def _in_one_word(command: str, words: Sequence[str]) -> str | None:
    """What several words were meant to be: a file whose name has blanks, or an image with its tag."""
    for end in range(len(words), 1, -1):
        for start in range(end - 1):
            name = " ".join(words[start:end])
            if os.path.lexists(name):
                return f"a name with blanks stands in quotes: {shlex.quote(printable(name))}"
    if command in _OF_ONE_IMAGE and len(words) > 1 and _TAG.fullmatch(words[1]) and not os.path.lexists(words[1]):
        return f"an image and its tag are one word: {printable(words[0])}:{printable(words[1])}"
    return None
