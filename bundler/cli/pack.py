"""`bundler pack`: a bundle becomes one file."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.failures import ignore_interruptions
from bundler.cli.options import QuietOption
from bundler.cli.progress import shown_progress
from bundler.errors import printable


def pack(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's directory.")],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The new file; its name ends in .tar.zst, .tar.gz or .tar."
        ),
    ],
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Pack also what was changed since it was built, and without a look at it.")
    ] = False,
    level: Annotated[
        int | None,
        typer.Option(
            "--level", metavar="N", help="How hard to compress: zst 1 to 19, usually 3; gz 1 to 9, usually 6."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Pack BUNDLE into one file, the same bytes for the same bundle on any machine.

    The file appears whole or not at all. Its path is printed on standard output, with --json also its sha256 and size.
    """
    from bundler.bundles import packing  # noqa: PLC0415

    with shown_progress(wanted=not quiet and sys.stderr.isatty()) as progress:
        packed = packing.pack(
            bundle,
            output,
            as_is=as_is,
            replace=force,
            level=level,
            progress=progress,
            before_publishing=ignore_interruptions,
        )
    if as_json:
        document = {"file": str(packed.path), "sha256": packed.sha256, "size": packed.size}
        typer.echo(json.dumps(document, indent=2))
    else:
        typer.echo(printable(str(packed.path)))
