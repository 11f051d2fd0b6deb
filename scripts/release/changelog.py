"""Which version this is, and when: the one date that archives may bear."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
_HEADING: Final = re.compile(r"^## \[(?P<version>\d+(?:\.\d+)+)\] - (?P<date>\d{4}-\d\d-\d\d)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """A heading of CHANGELOG.md."""

    version: str
    date: date

    @property
    def epoch(self) -> int:
        """Its SOURCE_DATE_EPOCH: when the day began in Greenwich. An sdist has no git, a clone no honest mtimes."""
        return int(datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC).timestamp())


def latest(changelog: Path = PROJECT / "CHANGELOG.md") -> Release:
    """The uppermost release."""
    heading = _HEADING.search(changelog.read_text("utf-8"))
    if heading is None:
        raise ValueError(f"{changelog.name} has no heading such as: ## [1.2.3] - 2026-01-31")
    return Release(heading["version"], date.fromisoformat(heading["date"]))
