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

TimeOption = Annotated[
    int,
    typer.Option(
        "--time",
        metavar="SECONDS",
        envvar="SOURCE_DATE_EPOCH",
        min=0,
        max=(1 << 32) - 1,
        help="When a .squashfs or .erofs was made, as it says itself.",
    ),
]


def pack(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's directory.")],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The new file; its name ends in .tar.zst, .tar.gz, .tar, .squashfs or .erofs.",
        ),
    ],
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Pack also what was changed since it was built, and without a look at it.")
    ] = False,
    level: Annotated[
        int | None,
        typer.Option(
            "--level",
            metavar="N",
            help="How hard to compress: zst 1 to 19, usually 3; gz 1 to 9, usually 6; squashfs 1 to 22, usually 9.",
        ),
    ] = None,
    made_at: TimeOption = 0,
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
            made_at=made_at,
            progress=progress,
            before_publishing=ignore_interruptions,
        )
    if packed.remark is not None:
        typer.echo(f"bundler: note: {packed.remark}", err=True)
    if as_json:
        document = {"file": str(packed.path), "sha256": packed.sha256, "size": packed.size}
        typer.echo(json.dumps(document, indent=2))
    else:
        typer.echo(printable(str(packed.path)))
