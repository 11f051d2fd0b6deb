"""`bundler explain`: where each value of a config.json comes from, and what it took the place of."""

import json
import re
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.console import show_rows, tell
from bundler.errors import RequestError

if TYPE_CHECKING:
    from bundler import Explained

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_HEADER = ("place", "value", "set by", "instead of")


def explain(
    bundle: Annotated[
        str | None, typer.Argument(metavar="BUNDLE", help="A bundle's directory.", show_default=False)
    ] = None,
    pointer: Annotated[
        str | None,
        typer.Argument(metavar="POINTER", help="Only what is here and below: /process/env", show_default=False),
    ] = None,
    *,
    config: Annotated[
        str | None, typer.Option("--config", metavar="FILE", help="A config.json by itself, instead of BUNDLE.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="NAME", help="The defaults to compare with where there is no bundler.json."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print every value of a config.json with its origin (profile, image, overrides file:line:column, target,
    bundler) and what it beat.

    Origins are read from the bundle's bundler.json. Without one that is about this config.json, values are the
    profile's where they say the same as the profile, else unknown.
    """
    import bundler

    if config is not None:
        if pointer is not None:
            raise RequestError("--config takes the place of BUNDLE: only a POINTER can follow")
        bundle, pointer = config, bundle
    if bundle is None:
        raise RequestError("nothing to explain: name a bundle, or a file with --config")
    explanation = bundler.explain(bundle, pointer or "", profile=profile)
    if explanation.stale:
        tell("warning: config.json was changed since bundler.json was written")
    if as_json:
        typer.echo(json.dumps([_plain(leaf) for leaf in explanation.leaves], indent=2))
    else:
        show_rows(_HEADER, [_cells(leaf) for leaf in explanation.leaves])


def _cells(leaf: "Explained") -> tuple[str, str, str, str]:
    """A digest is as short here as people know it from Docker; --json has all of it."""
    value = json.dumps(leaf.value, ensure_ascii=False)
    return leaf.pointer, value, _DIGEST.sub(r"\1", leaf.origin), _DIGEST.sub(r"\1", ", ".join(leaf.beat))


def _plain(leaf: "Explained") -> dict[str, object]:
    return {"pointer": leaf.pointer, "value": leaf.value, "origin": leaf.origin, "beat": list(leaf.beat)}
