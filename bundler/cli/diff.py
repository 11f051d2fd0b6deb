"""`bundler diff`: how two runtime configs differ, and what that means for security."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.console import show_rows
from bundler.errors import DifferenceError
from bundler.origins import UNSET, Json

if TYPE_CHECKING:
    from bundler import Difference

_LONGEST_SHOWN = 60  # characters of a value in a table; --json has all of it
_METAVAR_HELP = "a bundle, a config.json, - for one on standard input, or the name of a profile (docker, docker@29)"


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=f"What is compared: {_METAVAR_HELP}.")],
    after: Annotated[str, typer.Argument(metavar="B", help="What it is compared with, the same kinds.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print how B differs from A: place, A's value, B's value, and whether B is looser, tighter or neutral.

    Lists whose order has no meaning are compared as sets, mounts by destination, device rules and seccomp filters by
    what they do. Exit code 0: equal, 6: different.
    """
    import bundler

    differences = bundler.diff(before, after)
    if as_json:
        typer.echo(json.dumps([as_plain(difference) for difference in differences], indent=2))
    elif differences:
        show_rows(("place", "A", "B", "B is", "about"), [cells(difference) for difference in differences])
    if differences:
        raise typer.Exit(DifferenceError.exit_code)


def cells(difference: "Difference") -> tuple[str, ...]:
    """A row about it: place, both values, mark, reason."""
    values = (_text(difference.before), _text(difference.after))
    return (difference.place, *values, difference.mark, difference.reason)


def _text(value: Json) -> str:
    from bundler.runtime_spec.list_identity import text

    shown = "-" if value is UNSET else text(value) or '""'
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 3]}..."


def as_plain(difference: "Difference") -> dict[str, object]:
    """An absent value has no key; null would be a value."""
    sides = {"a": difference.before, "b": difference.after}
    present = {name: value for name, value in sides.items() if value is not UNSET}
    return {"place": difference.place, **present, "mark": difference.mark, "reason": difference.reason}
