"""`bundler backup` and `bundler restore`: what a bundle's volumes hold, as one file and back."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.options.access import LimitOption, limits_of
from bundler.cli.options.bundle import BundleArgument
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note
from bundler.cli.output.progress import ProgressOptions
from bundler.cli.output.report import ReportOptions
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import RequestError, printable

LevelOption = Annotated[
    int | None,
    typer.Option("--level", metavar="N", help="How hard to compress: zst 1 to 19, usually 3; gz 1 to 9, usually 6."),
]
OutputOption = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FILE", help="The new file; its name ends in .tar.zst, .tar.gz or .tar."),
]


@spread
def backup(
    bundle: BundleArgument,
    *,
    output: OutputOption,
    level: LevelOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    reporting: ReportOptions,
    waiting: ProgressOptions,
) -> None:
    """Write what the volumes of BUNDLE hold into one file, the same bytes for the same data.

    The file appears whole or not at all, after it was read back. `bundler verify FILE` looks at it again.
    """
    from bundler.upkeep.backup import back_up

    report = reporting.of("backup")
    with waiting.bars() as bars:
        made = back_up(
            bundle, output, replace=force, level=level, progress=bars, before_publishing=ignore_interruptions
        )
    for remark in () if waiting.quiet else made.remarks:
        note(remark)
    if report is not None:
        packed = made.packed
        document = {"file": str(packed.path), "sha256": packed.sha256, "size": packed.size}
        report.show(document | {"folders": list(made.folders)})
    else:
        typer.echo(printable(str(output)))


@spread
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `bundler backup` has written.", readable=False)],
    bundle: BundleArgument,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace data that the volumes hold.")] = False,
    limit: LimitOption = None,
    reporting: ReportOptions,
    waiting: ProgressOptions,
) -> None:
    """Put what FILE holds into the volumes of BUNDLE, in one step; what they held before is gone then.

    FILE is verified first. Volumes that it does not name stay as they are.
    """
    from bundler.upkeep.data_restoring import restore_data

    if file.is_dir() and bundle.is_file():
        words = shlex.join(printable(str(path)) for path in (bundle, file))
        raise RequestError(f"{printable(str(file))} is a directory, and FILE is first", hint=f"bundler restore {words}")
    report = reporting.of("restore")
    limits = limits_of(limit)
    with waiting.bars() as bars:
        done = restore_data(
            file, bundle, replace=force, limits=limits, progress=bars, before_publishing=ignore_interruptions
        )
    if report is not None:
        report.show({"bundle": str(bundle), "folders": list(done.folders), "replaced": list(done.replaced)})
    else:
        typer.echo(printable(str(bundle)))
