"""What is offered for a word."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

MOST: Final = 500  # more help no person, and a store or a folder may have any number
_LONGEST: Final = 1000  # characters


class Candidate(NamedTuple):
    """A whole word: `open` where more can follow without a space, a `path` where its last name is enough to see."""

    value: str
    help: str = ""
    open: bool = False
    path: bool = False


def fitting(candidates: Iterable[Candidate], word: str) -> Iterator[Candidate]:
    """Those that begin with `word`, each once; what is a bundle is not also a folder to look into.

    What a terminal, or the line between shell and bundler, trips over is not among them: it may be an image's choice.
    """
    seen = set()
    for each in candidates:
        fits = each.value.startswith(word) and each.value.isprintable() and len(each.value) <= _LONGEST
        same = each.value.removesuffix("/") if each.path else each.value
        if fits and same not in seen:
            seen.add(same)
            yield each


def bounded(candidates: Iterable[Candidate]) -> list[Candidate]:
    return [*islice(candidates, MOST)]
