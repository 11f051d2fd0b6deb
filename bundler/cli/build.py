"""`bundler build`: an image becomes a bundle."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.failures import ignore_interruptions
from bundler.cli.options import BundleOptions, Unpacker, spread, words_of
from bundler.cli.progress import shown_progress
from bundler.cli.remarks import remark, remark_skipped
from bundler.cli.second_build import check
from bundler.errors import RequestError, printable

if TYPE_CHECKING:
    from bundler.bundles.stage import Stage


@spread
def build(
    options: BundleOptions,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="The bundle's directory; if absent, the image's name, here."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there already.")] = False,
    unpacker: Annotated[Unpacker, typer.Option("--unpacker", help="Who unpacks the layers.")] = Unpacker.NATIVE,
    check_reproducible: Annotated[
        bool,
        typer.Option(
            "--check-reproducible",
            help="Build a second time, under another folder, umask, locale, time zone and hash seed, and fail if that "
            "gives another bundle.",
        ),
    ] = False,
) -> None:
    """Make an OCI runtime bundle from IMAGE: rootfs/, config.json and what they need.

    The bundle appears whole or not at all. Its path is printed on standard output.
    """
    from bundler import build as pipeline  # noqa: PLC0415

    if check_reproducible and options.image == "-":
        raise RequestError("--check-reproducible reads the image twice, and standard input can be read once")

    def finish(stage: "Stage") -> None:
        if check_reproducible:
            check(stage, [f"--unpacker={unpacker.value}", *words_of(options)])
        ignore_interruptions()

    request = options.request(unpacker=unpacker.value)
    with shown_progress(wanted=not options.quiet and sys.stderr.isatty()) as progress:
        built = pipeline.build(request, output, force=force, progress=progress, before_publishing=finish)
    remark(built.runtime_config, quiet=options.quiet)
    remark_skipped(built.skipped, quiet=options.quiet)
    typer.echo(printable(str(built.path)))
