"""A review as lines of text, for a terminal or a pipe."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Final

from bundler.approval.review import Review, Row, Section, Verdict, sentence, setters
from bundler.cli.output.terminal import padded
from bundler.cli.output.terminal import width as width_of
from bundler.errors import printable

WIDTH: Final = 80
WORDS: Final[Mapping[Verdict, str]] = {"looser": "LOOSER", "tighter": "tighter", "neutral": "differs", "same": ""}
_VERDICT: Final = 9  # columns of the word
_WHAT: Final = 22
_GAP: Final = 2
_NARROWEST: Final = 20  # columns that values have at least


Paint = Callable[[str, Verdict], str]


def _unpainted(word: str, _: Verdict) -> str:
    return word


def lines(review: Review, width: int = WIDTH, paint: Paint = _unpainted) -> Iterator[str]:
    """The review in at most `width` columns; `paint` may give the word of a verdict a colour."""
    yield from wrapped(f"Review of {review.name}", width)
    yield ""
    yield from wrapped(sentence(review.counts, f"Docker's default ({review.profile})"), width)
    if review.against is not None:
        yield from wrapped(sentence(review.against.counts, review.against.name), width)
    for warning in review.warnings:
        yield from _hanging("WARNING  ", warning, width)
    for section in review.sections:
        yield from _section(section, width, "Docker", paint)
    if review.against is not None:
        for section in review.against.sections:
            beside = replace(section, title=f"Beside {review.against.name}", gist=section.title)
            yield from _section(beside, width, review.against.name, paint)
    yield from _section(review.facts, width, "", paint)


def _section(section: Section, width: int, baseline: str, paint: Paint) -> Iterator[str]:
    yield ""
    yield from wrapped(f"{section.title}: {section.gist}", width)
    if section.rows:
        yield ""
    for row in section.rows:
        for number, line in enumerate(_row(row, width, baseline)):
            word = WORDS[row.verdict] if number == 0 else ""
            yield f"{paint(word, row.verdict)}{' ' * (_VERDICT - len(word))}{line}".rstrip()


def _row(row: Row, width: int, baseline: str) -> Iterator[str]:
    """What it is about, and beside that what there is to say of it; paths and digests are cut only if they must be."""
    room, whole = max(width - _VERDICT - _WHAT, _NARROWEST), max(width - _VERDICT, _NARROWEST)
    what, value, uncut = wrapped(row.what, _WHAT - _GAP), wrapped(row.value, room), wrapped(row.value, whole)
    if " " not in row.value and len(value) > len(uncut) == 1:
        yield from (*wrapped(row.what, whole), *uncut)
        what, value = [""], []
    elif len(what) > 1:
        yield from wrapped(row.what, whole)
        what = [""]
    for left, right in zip_longest(what, (*value, *_said_besides(row, room, baseline)), fillvalue=""):
        if left or right:
            yield f"{padded(left, _WHAT)}{right}"


def _said_besides(row: Row, room: int, baseline: str) -> Iterator[str]:
    if row.baseline and row.verdict != "same":
        yield from wrapped(f"{baseline}: {row.baseline}", room)
    if row.reasons or row.note:
        yield from wrapped(f"({'; '.join((*row.reasons, *([row.note] if row.note else [])))})", room)
    if row.set_by:
        yield from wrapped(f"by {', '.join(setters(row.set_by))}", room)


def _hanging(head: str, text: str, width: int) -> Iterator[str]:
    for number, line in enumerate(wrapped(text, max(width - len(head), _NARROWEST))):
        yield f"{head if number == 0 else ' ' * len(head)}{line}"


def wrapped(text: str, width: int) -> list[str]:
    """`text`, fit for a terminal, in lines of at most `width` columns; a word that is longer is cut."""
    done: list[str] = []
    line, columns = "", 0
    for word in printable(text).split(" "):
        needed = width_of(word)
        if line and columns + 1 + needed <= width:
            line, columns = f"{line} {word}", columns + 1 + needed
            continue
        if line:
            done.append(line)
        *full, line = _pieces(word, width)
        done += full
        columns = width_of(line)
    return [*done, line]


def _pieces(word: str, width: int) -> list[str]:
    pieces, columns = [""], 0
    for char in word:
        columns += width_of(char)
        if columns > width:
            pieces.append("")
            columns = width_of(char)
        pieces[-1] += char
    return pieces
