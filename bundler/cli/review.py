"""`bundler review`: what a bundle may touch, for a person who has to approve it."""

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bundler.cli.options.bundle import BundleOrFileArgument
from bundler.cli.options.spread import spread
from bundler.cli.output.report import ReportOptions
from bundler.cli.output.terminal import columns_of, has_colours

if TYPE_CHECKING:
    from bundler.approval.review import Verdict

_COLOURS: Final = {"looser": "red", "tighter": "green", "neutral": "blue"}

AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="B",
        help="What it is compared with besides: a bundle, a config.json, or the name of a profile.",
        show_default=False,
    ),
]


@spread
def review(
    bundle: BundleOrFileArgument,
    *,
    against: AgainstOption = None,
    reporting: ReportOptions,
) -> None:
    """Print what BUNDLE may touch: files, devices, network, kernel calls, limits, beside Docker's defaults.

    Each line says whether it is looser or tighter, why, and who set it: profile, image, file:line:column of overrides.
    Then which files give privileges, and the digests. `bundler explain BUNDLE --html FILE` writes the same as a page.
    Nothing is started or unpacked, and nothing of this machine is looked at.
    """
    import bundler
    from bundler.cli.review_text import WIDTH, lines

    report = reporting.of("review")
    reviewed = bundler.review(bundle, against=against)
    if report is not None:
        report.show(reviewed.described())
        return
    width = min(WIDTH, columns_of(sys.stdout)) if sys.stdout.isatty() else WIDTH
    for line in lines(reviewed, width, _painted) if has_colours(sys.stdout) else lines(reviewed, width):
        typer.echo(line)


def _painted(word: str, verdict: "Verdict") -> str:
    return typer.style(word, fg=_COLOURS[verdict], bold=verdict == "looser") if word else word
