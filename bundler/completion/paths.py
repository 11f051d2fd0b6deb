"""Files and directories that a word may become."""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from bundler.completion.candidate import Candidate

_MOST_ENTRIES: Final = 5000  # of a directory, looked at
_FEW_ENTRIES: Final = 100  # of each directory in it
_BUNDLE: Final = ("config.json", "bundler.json")


def files(word: str, offers: Callable[["os.DirEntry[str]"], bool] = lambda _: True) -> Iterator[Candidate]:
    """Directories, which more can follow, and those of the files that `offers` is true of."""
    for head, entry in _entries(word):
        if _is_directory(entry):
            yield Candidate(f"{head}{entry.name}/", open=True, path=True)
        elif offers(entry):
            yield Candidate(head + entry.name, path=True)


def directories(word: str) -> Iterator[Candidate]:
    return files(word, lambda _: False)


def bundles(word: str) -> Iterator[Candidate]:
    """Bundles, and directories that hold some; where there are none, any directories."""
    within = [(head, entry) for head, entry in _entries(word) if _is_directory(entry)]
    there = [Candidate(head + entry.name) for head, entry in within if is_bundle(entry.path)]
    there += [
        Candidate(f"{head}{entry.name}/", open=True, path=True)
        for head, entry in within
        if not is_bundle(entry.path) and any(is_bundle(below.path) for below in _listed(entry.path, _FEW_ENTRIES))
    ]
    yield from there or directories(word)


def is_bundle(path: str) -> bool:
    return any(os.path.lexists(f"{path}/{name}") for name in _BUNDLE)


def expanded(path: str) -> str:
    """`~` and `~user` as every shell reads them at the beginning of a word."""
    return os.path.expanduser(path)  # noqa: PTH111 -- Path would drop what is to stay as it was typed


def _entries(word: str) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """What lies in the directory that `word` names so far, with that part of the word; hidden where a dot was typed."""
    head, slash, start = word.rpartition("/")
    head += slash
    for entry in sorted(_listed(expanded(head) or ".", _MOST_ENTRIES), key=lambda entry: entry.name):
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            yield head, entry


def _listed(directory: str, most: int) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(directory) as entries:
            return [*islice(entries, most)]
    except OSError:
        return []


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
