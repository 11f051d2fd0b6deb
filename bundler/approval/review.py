"""The review of a bundle: sections of rows, each of which says what is so, what it is compared with, and who set it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Final, Literal

from bundler.compare.difference import Difference
from bundler.light_dataclasses import dataclass
from bundler.origins import Json

_MOST_SETTERS: Final = 3  # of a value, by name
_DIGEST: Final = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
FORMAT: Final = 1  # of what `described` gives

Verdict = Literal["looser", "tighter", "neutral", "same"]
VERDICTS: Final[tuple[Verdict, ...]] = ("looser", "tighter", "neutral", "same")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that a container may do or have. Texts are as an image or a user wrote them: renderers escape them.

    `baseline` is the same thing in what the bundle is compared with, empty where there is nothing to compare. `note`
    says what the thing means. `differences` are those of config.json that the row speaks of.
    """

    what: str
    value: str
    baseline: str = ""
    note: str = ""
    set_by: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """A row with both counts as looser: what is granted is not made good by what is taken."""
        marks = {difference.mark for difference in self.differences}
        return next((verdict for verdict in VERDICTS if verdict in marks), "same")

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is looser or tighter."""
        reasons = [each.reason for each in self.differences if each.mark == self.verdict and each.reason]
        return tuple(dict.fromkeys(reasons))

    def described(self) -> dict[str, Json]:
        return {
            "what": self.what,
            "value": self.value,
            "baseline": self.baseline,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "note": self.note,
            "set_by": list(self.set_by),
            "places": [difference.place for difference in self.differences],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows about one subject; `gist` is what a reader takes away who reads nothing else of it."""

    name: str
    title: str
    gist: str
    rows: tuple[Row, ...]

    @property
    def verdict(self) -> Verdict:
        """That of its most telling row."""
        return most_telling(row.verdict for row in self.rows)

    def described(self) -> dict[str, Json]:
        rows = [row.described() for row in self.rows]
        return {"name": self.name, "title": self.title, "gist": self.gist, "verdict": self.verdict, "rows": rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the bundle differs from something else, `name`: the sections that differ, with the rows that do."""

    name: str
    sections: tuple[Section, ...]

    @property
    def counts(self) -> Counter[Verdict]:
        return counted(self.sections)

    def described(self) -> dict[str, Json]:
        return {"name": self.name, **_described(self.counts), "sections": [each.described() for each in self.sections]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the bundle `name` may touch. `sections` compare it with the defaults `profile`, `against` with another one.

    `warnings` are sentences about why not all of this need be so; `facts` are of what it was made, without a verdict.
    """

    name: str
    profile: str
    sections: tuple[Section, ...]
    facts: Section
    against: Comparison | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def counts(self) -> Counter[Verdict]:
        return counted(self.sections)

    def described(self) -> dict[str, Json]:
        """As `bundler review --json` prints it (docs/formats.md)."""
        return {
            "format": FORMAT,
            "bundle": self.name,
            "profile": self.profile,
            **_described(self.counts),
            "warnings": list(self.warnings),
            "sections": [section.described() for section in self.sections],
            "facts": self.facts.described()["rows"],
            "against": None if self.against is None else self.against.described(),
        }


def counted(sections: Iterable[Section]) -> Counter[Verdict]:
    """How many rows there are of each verdict."""
    return Counter(row.verdict for section in sections for row in section.rows)


def most_telling(verdicts: Iterable[Verdict]) -> Verdict:
    there = set(verdicts)
    return next((verdict for verdict in VERDICTS if verdict in there), "same")


def sentence(counts: Counter[Verdict], baseline: str) -> str:
    """`3 things are looser than Docker's default, 1 is tighter.`"""
    if not any(counts[verdict] for verdict in VERDICTS if verdict != "same"):
        return f"Nothing differs from {baseline}."
    looser, tighter, neutral = (counts[verdict] for verdict in VERDICTS[:3])
    parts = [f"{_things(looser)} looser than {baseline}", f"{_amount(tighter)} tighter"]
    if neutral:
        parts.append(f"{_amount(neutral)} different otherwise")
    return ", ".join(parts) + "."


def _things(count: int) -> str:
    return "Nothing is" if not count else "1 thing is" if count == 1 else f"{count} things are"


def _amount(count: int) -> str:
    return "none is" if not count else "1 is" if count == 1 else f"{count} are"


def _described(counts: Counter[Verdict]) -> dict[str, Json]:
    return {verdict: counts[verdict] for verdict in VERDICTS if verdict != "same"}


def listed(names: Sequence[str], *, most: int = 12) -> str:
    """The names in a row, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def setters(set_by: Sequence[str]) -> list[str]:
    """Who set a value, in short: digests as people know them from Docker, a profile by its name."""
    short = list(dict.fromkeys(_short(origin) for origin in set_by))
    more = len(short) - _MOST_SETTERS
    return [*short[:_MOST_SETTERS], *([f"{more} more"] if more > 0 else [])]


def _short(origin: str) -> str:
    """A profile by its name, the image by the place in its config: its digest is told elsewhere."""
    source, _, where = origin.partition(" ")
    if source == "profile":
        return origin.partition("#")[0]
    if source == "image":
        return f"image {where.partition('#')[2]}".rstrip()
    return _DIGEST.sub(r"\1", origin)
