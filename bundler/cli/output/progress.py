"""How far a command is, for people who wait: one line, drawn again and again, or a line from time to time.

It goes to standard error alone. A step begins where the one before it has ended, on the same line of the terminal: an
image that is fetched and then unpacked has one bar. No thread draws: there is something to tell when something came.
The line has no escape sequences, so that every terminal knows what to do with it.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from enum import StrEnum
from typing import Annotated, Final, Protocol

import typer

from bundler.cli.output.terminal import columns_of, fitted, width
from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.progress import SILENT, Meter, Progress
from bundler.sizes import readable_part, readable_size

VARIABLE: Final = "BUNDLER_PROGRESS"
_REDRAWN_AFTER: Final = 0.1  # seconds
_PLAIN: Final = 3.0  # seconds from line to line
_LATE: Final = 10.0  # the same, and before the first, where lines were not asked for
_MEASURABLE: Final = 0.001  # seconds
_LONGEST_BAR: Final = 40  # characters
_SHORTEST_BAR: Final = 5
_NARROW: Final = 30  # columns, where a label and a number have to do


class Form(StrEnum):
    """What is shown."""

    AUTO = "auto"
    BAR = "bar"
    PLAIN = "plain"
    NONE = "none"


ProgressOption = Annotated[
    Form,
    typer.Option(
        "--progress",
        envvar=VARIABLE,
        show_envvar=True,
        help="How far it is, on standard error: a bar, plain lines, none; auto is a bar on a terminal, and elsewhere a "
        "line now and then of what takes longer than ten seconds.",
    ),
]


QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only errors.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressOptions:
    """How a command shows its progress, if at all."""

    progress: ProgressOption = Form.AUTO
    quiet: QuietOption = False

    def bars(self) -> AbstractContextManager[Progress]:
        """Progress on standard error, as the options ask for it, while the context lasts."""
        return shown_progress(self.progress, quiet=self.quiet)


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it stands after `seconds`. More than `total` is never done: a file may grow while it is read."""

    label: str
    total: int | None
    done: int
    seconds: float

    @property
    def percent(self) -> int | None:
        """In whole ones, of which the last is that of the last byte."""
        return None if self.total is None else 100 if not self.total else 100 * self._within // self.total

    @property
    def amount(self) -> str:
        return readable_size(self.done) if self.total is None else readable_part(self._within, self.total)

    @property
    def rate(self) -> str | None:
        return (
            f"{readable_size(int(self.done / self.seconds))}/s" if self.done and self.seconds >= _MEASURABLE else None
        )

    @property
    def left(self) -> str | None:
        """How long it will take if it goes on as up to now."""
        if not self.total or not self.done:
            return None
        return _clock(self.seconds * (self.total - self._within) / self._within)

    @property
    def _within(self) -> int:
        return self.done if self.total is None else min(self.done, self.total)


def bar_line(step: Step, columns: int, marks: str = "━─") -> str:
    """The step in `columns` characters at the most. What does not fit is left out: the rate, then the amount."""
    percent, narrow = step.percent, columns < _NARROW
    always = [] if percent is None else [f"{percent:>3} %", *([] if narrow else [step.left or "-:--"])]
    optional = [step.amount, step.rate or ""]
    bar = 0 if percent is None or narrow else _SHORTEST_BAR
    label = fitted(printable(step.label), max(1, columns - bar - _length(always) - 2))
    parts = list(always)
    for number, part in enumerate(filter(None, optional)):
        if width(label) + bar + _length([*parts, part]) + 4 > columns:
            break
        parts.insert(number, part)
    room = columns - width(label) - _length(parts)
    if percent is None or room - 4 < _SHORTEST_BAR:
        return fitted("  ".join([label, *parts]), columns)
    length = min(_LONGEST_BAR, room - 4)
    full = length * percent // 100
    return "  ".join([label, marks[0] * full + marks[1] * (length - full), *parts])


def plain_line(step: Step) -> str:
    """The step as a sentence."""
    if step.percent is None:
        told = [step.amount, step.rate]
    else:
        told = [f"{step.percent} % of {readable_size(step.total or 0)}", step.rate, step.left and f"{step.left} left"]
    return f"{printable(step.label)}: {', '.join(filter(None, told))}"


def choose(form: Form, *, quiet: bool, terminal: bool, environment: Mapping[str, str]) -> Form:
    """What AUTO means here. A terminal that is recorded for others (CI), or that cannot go back to the beginning of a
    line, gets lines.
    """
    if quiet:
        return Form.NONE
    if form is not Form.AUTO or not terminal:
        return form
    recorded = environment.get("CI", "").lower() not in ("", "0", "false")
    return Form.PLAIN if recorded or environment.get("TERM") in ("dumb", "unknown") else Form.BAR


@contextmanager
def shown_progress(form: Form, *, quiet: bool) -> Iterator[Progress]:
    """A Progress that is shown on standard error, in that form, for as long as the context lasts."""
    chosen = choose(form, quiet=quiet, terminal=sys.stderr.isatty(), environment=os.environ)
    if chosen is Form.NONE:
        yield SILENT
    elif chosen is Form.BAR:
        yield _Shown(_Bar())
    else:
        every = _PLAIN if chosen is Form.PLAIN else _LATE
        yield _Shown(_Lines(every, time.monotonic(), asked_for=chosen is Form.PLAIN))


def clear_line() -> None:
    """Take away the bar, if there is one, before something else is written to the terminal; it comes back."""
    for bar in _Bar.drawn:
        bar.erase()


class _Form(Protocol):
    """Shows steps. `now` is in seconds."""

    def begin(self, step: Step, now: float) -> None: ...
    def go_on(self, step: Step, now: float) -> None: ...
    def end(self, step: Step, *, whole: bool) -> None: ...


class _Bar:
    """One line of the terminal."""

    drawn: Final[list["_Bar"]] = []

    def __init__(self) -> None:
        encoding = (getattr(sys.stderr, "encoding", None) or "").lower().replace("-", "")
        self._marks = "━─" if encoding == "utf8" else "#."
        self._used = 0
        self._next = 0.0

    def begin(self, step: Step, now: float) -> None:
        self._next = 0.0
        self.drawn.append(self)
        self.go_on(step, now)

    def go_on(self, step: Step, now: float) -> None:
        if now < self._next:
            return
        self._next = now + _REDRAWN_AFTER
        line = bar_line(
            step, columns_of(sys.stderr) - 1, self._marks
        )  # in the last column, some terminals go on to the next line
        _write("\r" + line + " " * (self._used - width(line)))
        self._used = width(line)

    def end(self, step: Step, *, whole: bool) -> None:  # noqa: ARG002
        self.erase()
        self.drawn.remove(self)

    def erase(self) -> None:
        if self._used:
            _write("\r" + " " * self._used + "\r")
        self._used, self._next = 0, 0.0


class _Lines:
    """A line each time that so many seconds have passed; where lines were `asked_for`, also one for begin and end."""

    def __init__(self, every: float, now: float, *, asked_for: bool) -> None:
        self._every = every
        self._asked_for = asked_for
        self._next = now + every
        self._told = False

    def begin(self, step: Step, now: float) -> None:
        self._told = False
        if self._asked_for:
            of = "" if step.total is None else f": {readable_size(step.total)}"
            self._tell(f"{printable(step.label)}{of}", now)

    def go_on(self, step: Step, now: float) -> None:
        if now >= self._next:
            self._tell(plain_line(step), now)

    def end(self, step: Step, *, whole: bool) -> None:
        if self._told and whole:
            amount = readable_size(step.done if step.total is None else step.total)
            self._tell(f"{printable(step.label)}: done, {amount} in {_clock(step.seconds)}", time.monotonic())

    def _tell(self, line: str, now: float) -> None:
        _write(f"bundler: {line}\n")
        self._told = True
        self._next = now + self._every


class _Shown:
    """What the pipeline is given: each measure is a step, and one within another takes its place until it ends."""

    def __init__(self, form: _Form) -> None:
        self._form = form

    @contextmanager
    def measure(self, label: str, total: int | None) -> Iterator[Meter]:
        began, done, whole = time.monotonic(), 0, False

        def step(now: float) -> Step:
            return Step(label, total, done, now - began)

        def add(count: int, /) -> None:
            nonlocal done
            done += count
            now = time.monotonic()
            self._form.go_on(step(now), now)

        self._form.begin(step(began), began)
        try:
            yield add
            whole = True
        finally:
            self._form.end(step(time.monotonic()), whole=whole)


def _write(text: str) -> None:
    """What cannot be shown (a terminal that has hung up, a closed pipe) keeps no work from being done."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _length(parts: list[str]) -> int:
    """Of the parts, with two blanks before each."""
    return sum(width(part) + 2 for part in parts)


def _clock(seconds: float) -> str:
    """`0:07`, `1:02:03`."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
