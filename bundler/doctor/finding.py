"""What a check finds, and how a table of checks is gone through."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, Literal, TypeVar

from bundler.light_dataclasses import dataclass
from bundler.origins import Json

Severity = Literal["blocks", "warns", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("blocks", "warns", "note")
F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Check(Generic[F]):
    """One row: `judge` says in a sentence each what is wrong with the facts, `why` that matters, and what to do."""

    name: str
    severity: Severity
    judge: Callable[[F], Iterable[str]]
    why: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found. What `blocks` keeps the bundle from running as it was meant; every text is printable."""

    check: str
    severity: Severity
    what: str
    why: str
    advice: str

    def described(self) -> dict[str, Json]:
        """As `--json` prints it."""
        return {
            "severity": self.severity,
            "check": self.check,
            "what": self.what,
            "why": self.why,
            "advice": self.advice,
        }


def examine(checks: Sequence[Check[F]], facts: F) -> list[Finding]:
    """What all of `checks` find, the worst first, else in their order."""
    findings = [
        Finding(check.name, check.severity, what, check.why, check.advice)
        for check in checks
        for what in dict.fromkeys(check.judge(facts))
    ]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
