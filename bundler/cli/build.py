"""`bundler build`: an image becomes a bundle."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.failures import ignore_interruptions
from bundler.cli.options import BundleOptions, Unpacker, spread
from bundler.cli.progress import shown_progress
from bundler.cli.remarks import remark, remark_skipped
from bundler.errors import printable


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
) -> None:
    """Make an OCI runtime bundle from IMAGE: rootfs/, config.json and what they need.

    The bundle appears whole or not at all. Its path is printed on standard output.
    """
    from bundler import build as pipeline  # noqa: PLC0415

    request = options.request(unpacker=unpacker.value)
    with shown_progress(wanted=not options.quiet and sys.stderr.isatty()) as progress:
        built = pipeline.build(request, output, force=force, progress=progress, before_publishing=ignore_interruptions)
    remark(built.runtime_config, quiet=options.quiet)
    remark_skipped(built.skipped, quiet=options.quiet)
    typer.echo(printable(str(built.path)))
