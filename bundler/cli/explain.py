"""`bundler explain`: where each value of a config.json comes from, and what it took the place of."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.options.spread import spread
from bundler.cli.output.console import show_rows, tell
from bundler.cli.output.report import ReportOptions
from bundler.cli.review import AgainstOption
from bundler.errors import RequestError, printable

if TYPE_CHECKING:
    from bundler import Explained

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_HEADER = ("place", "value", "set by", "instead of")


@spread
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
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write what `bundler review` tells as one page, which loads nothing; - is standard output.",
        ),
    ] = None,
    against: AgainstOption = None,
    reporting: ReportOptions,
) -> None:
    """Print every value of a config.json with its origin (profile, image, overrides file:line:column, target,
    bundler) and what it beat.

    Origins are read from the bundle's bundler.json. Without one that is about this config.json, values are the
    profile's where they say the same as the profile, else unknown. --html is for a person who has to approve BUNDLE.
    """
    import bundler

    report = reporting.of("explain")
    if html is not None:
        if bundle is None or pointer is not None or config is not None or profile is not None or report is not None:
            raise RequestError("--html FILE is about a whole BUNDLE", hint="only --against can be given as well")
        _write_page(Path(bundle), html, against)
        return
    if against is not None:
        raise RequestError("--against is for a page", hint="add --html FILE, or use bundler review or bundler diff")
    if config is not None:
        if pointer is not None or (bundle is not None and Path(bundle).is_dir()):
            what = "--config takes the place of BUNDLE: only a POINTER can follow"
            raise RequestError(what, hint="leave out --config for a bundle, or BUNDLE for a config.json")
        bundle, pointer = config, bundle
    if bundle is None:
        raise RequestError("nothing to explain: name a bundle, or a file with --config", hint="bundler explain BUNDLE")
    explanation = bundler.explain(bundle, pointer or "", profile=profile)
    if explanation.stale:
        tell("warning: config.json was changed since bundler.json was written")
    if report is not None:
        report.show({"stale": explanation.stale, "values": [_plain(leaf) for leaf in explanation.leaves]})
    else:
        show_rows(_HEADER, [_cells(leaf) for leaf in explanation.leaves])


def _write_page(bundle: Path, html: Path, against: str | None) -> None:
    import bundler
    from bundler.approval.page import page
    from bundler.bundles.replacement.replaced_file import check_file_place, replace_file

    if html == Path("-"):
        typer.echo(page(bundler.review(bundle, against=against)), nl=False)
        return
    check_file_place(html)
    replace_file(html, page(bundler.review(bundle, against=against)))
    typer.echo(printable(str(html)))


def _cells(leaf: "Explained") -> tuple[str, str, str, str]:
    """A digest is as short here as people know it from Docker; --json has all of it."""
    value = json.dumps(leaf.value, ensure_ascii=False)
    return leaf.pointer, value, _DIGEST.sub(r"\1", leaf.origin), _DIGEST.sub(r"\1", ", ".join(leaf.beat))


def _plain(leaf: "Explained") -> dict[str, object]:
    return {"pointer": leaf.pointer, "value": leaf.value, "origin": leaf.origin, "beat": list(leaf.beat)}
