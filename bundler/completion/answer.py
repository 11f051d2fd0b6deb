"""What is offered for a command line whose last word is half typed."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from bundler import data
from bundler.completion.candidate import Candidate, bounded, fitting
from bundler.completion.command_line import Place, Table, options_of, place
from bundler.completion.shells import SHELLS, Typed, read_line
from bundler.completion.values import values

TABLE: Final = "commands.json"
_UNKNOWN: Final = frozenset("$`")  # what follows is the shell's to know
_PATIENCE: Final = 3  # seconds, then the person types on without help


def answer(shell: str, called: Sequence[str]) -> int:
    """Print what `shell` is to offer, and return the exit code: 1 tells the script that nothing is known.

    bash calls bundler with its line and what it breaks words at, the others with the words as they are. Whatever goes
    wrong here goes wrong silently: a person types, and has asked for nothing.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_PATIENCE)
    try:
        if shell not in SHELLS:
            return 1
        typed = _typed(shell, called)
        if shell == "bash" and _UNKNOWN.intersection(typed.words[-1]):
            return 1
        candidates = offered(data.load(TABLE), typed.words)
        sys.stdout.reconfigure(encoding="utf-8", errors="ignore")  # type: ignore[union-attr]
        print(SHELLS[shell](typed, candidates), flush=True)  # noqa: T201
    except Exception:  # noqa: BLE001
        os._exit(1)
    return 0


def offered(table: Table, words: Sequence[str]) -> list[Candidate]:
    """All that the last of the words behind the program's name can become."""
    at = place(table, words)
    whole = (each._replace(value=at.head + each.value) for each in _candidates(table, at))
    return bounded(fitting(whole, words[-1]))


def _typed(shell: str, called: Sequence[str]) -> Typed:
    if shell == "bash":
        _, line, breaks = called
        typed = read_line(line, breaks)
        return typed._replace(words=typed.words[1:])
    _, *before, word = called
    return Typed([*before, *read_line(word, blanks="").words])


def _candidates(table: Table, at: Place) -> Iterator[Candidate]:
    if at.metavar and (at.option or not _is_option(at)):
        yield from values(table, at)
    elif "commands" in at.command and not _is_option(at):
        if not at.arguments:
            yield from (Candidate(name, below["help"][0]) for name, below in at.command["commands"].items())
            yield Candidate("help", "What a command does")
    elif not at.ended:
        yield from _options(table, at)


def _is_option(at: Place) -> bool:
    return at.word.startswith("-") and not at.ended


def _options(table: Table, at: Place) -> Iterator[Candidate]:
    """Those that are not given yet, or may be repeated; the short names once a dash alone was typed."""
    for option in options_of(table, at.command):
        longest = max(option["names"], key=len)
        if longest in at.options and not option["many"]:
            continue
        for name in option["names"]:
            if name.startswith("--") or at.word == "-":
                yield Candidate(name, option["help"])
    yield Candidate("--help", "What it does, and how it is used")
