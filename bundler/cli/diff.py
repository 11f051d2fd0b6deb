"""`bundler diff`: how two runtime configs differ, and what that means for security."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.console import show_rows
from bundler.origins import UNSET, Json

if TYPE_CHECKING:
    from bundler.bundles.config_file import ConfigFile
    from bundler.compare.difference import Difference

_DIFFERS = 6
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
    from bundler.compare.difference import differences

    found = differences(*_documents(before, after))
    if as_json:
        typer.echo(json.dumps([as_plain(difference) for difference in found], indent=2))
    elif found:
        show_rows(("place", "A", "B", "B is", "about"), [cells(difference) for difference in found])
    if found:
        raise typer.Exit(_DIFFERS)


def _documents(before: str, after: str) -> tuple[Json, Json]:
    """The two sides; where one is a profile, what no profile can say is left out of both."""
    from bundler.bundles.config_file import read_config_file
    from bundler.compare.defaults import NEUTRAL, like
    from bundler.conversion.convert import without_the_images_part
    from bundler.profiles import PROFILES

    sides = {side: None if side in PROFILES else read_config_file(side) for side in (before, after)}
    written: ConfigFile = next((side for side in sides.values() if side is not None), NEUTRAL)
    configs = [like(written, name) if side is None else side.config for name, side in sides.items()]
    if None in sides.values():
        configs = [without_the_images_part(config) for config in configs]
    return configs[0].document, configs[-1].document


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
