"""`bundler diff`: how two runtime configs differ, and what that means for security."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bundler.cli.options.spread import spread
from bundler.cli.output.console import show_rows
from bundler.cli.output.report import ReportOptions
from bundler.errors import DifferenceError
from bundler.origins import UNSET, Json

if TYPE_CHECKING:
    from bundler import Difference

_CAPABILITY: Final = re.compile(r"/process/capabilities/(\w+)\[(.+)\]")
_LONGEST_SHOWN: Final = 60  # characters of a value in a table; --json has all of it
_METAVAR_HELP = (
    "a bundle, a project, a config.json, - for one on standard input, or the name of a profile (docker, docker@29)"
)


@spread
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=f"What is compared: {_METAVAR_HELP}.")],
    after: Annotated[str, typer.Argument(metavar="B", help="What it is compared with, the same kinds.")],
    *,
    reporting: ReportOptions,
) -> None:
    """Print how B differs from A: place, A's value, B's value, and whether B is looser, tighter or neutral.

    Lists whose order has no meaning are compared as sets, mounts by destination, device rules and seccomp filters by
    what they do. Exit code 0: equal, 6: different.
    """
    import bundler

    report = reporting.of("diff")
    differences = bundler.diff(before, after)
    if report is not None:
        report.show({"differences": [as_plain(difference) for difference in differences]})
    elif differences:
        show_rows(("place", "A", "B", "B is", "about"), cells(differences))
    if differences:
        raise typer.Exit(DifferenceError.exit_code)


def cells(differences: Sequence["Difference"]) -> list[tuple[str, ...]]:
    """Rows: place, both values, mark, reason. A capability that differs alike in several sets has one."""
    places: dict[tuple[str, ...], list[str]] = {}
    for difference in differences:
        values = (_text(difference.before), _text(difference.after), difference.mark, difference.reason)
        capability = _CAPABILITY.fullmatch(difference.place)
        places.setdefault((capability[2] if capability else difference.place, *values), []).append(difference.place)
    return [_row(of, before, after, mark, reason) for (_, before, after, mark, reason), of in places.items()]


def _row(places: Sequence[str], before: str, after: str, mark: str, reason: str) -> tuple[str, ...]:
    if len(places) == 1:
        return (places[0], before, after, mark, reason)
    sets = ", ".join(_CAPABILITY.sub(r"\1", place) for place in places)
    return (_CAPABILITY.sub(r"/process/capabilities[\2]", places[0]), before, after, mark, f"{reason} ({sets})")


def _text(value: Json) -> str:
    from bundler.runtime_spec.list_identity import text

    shown = "-" if value is UNSET else text(value) or '""'
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 3]}..."


def as_plain(difference: "Difference") -> dict[str, object]:
    """An absent value has no key; null would be a value."""
    sides = {"a": difference.before, "b": difference.after}
    present = {name: value for name, value in sides.items() if value is not UNSET}
    return {"place": difference.place, **present, "mark": difference.mark, "reason": difference.reason}
