"""`bundler delta` and `bundler apply`: what one bundle has and another one lacks, as one file and back."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.options.access import LimitOption, limits_of
from bundler.cli.options.bundle import DiscardVolumesOption, KeepVolumesOption, old_volumes
from bundler.cli.options.signing import KeyOption, signing_key, trusted_key
from bundler.cli.options.spread import spread
from bundler.cli.output.progress import ProgressOptions
from bundler.cli.output.report import ReportOptions
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import RequestError, printable

if TYPE_CHECKING:
    from bundler.deltas.writing import Delta

OldArgument = Annotated[
    Path,
    typer.Argument(metavar="OLD", help="What is there already: a bundle or a project, packed or not.", readable=False),
]
NewerArgument = Annotated[
    Path, typer.Argument(metavar="NEWER", help="What it is to become: the same, and newer.", readable=False)
]
OlderArgument = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE|FILE", help="The older one that is there: a bundle or a project, packed or not.", readable=False
    ),
]
PlaceOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="The new directory, or a file whose name ends in .tar.zst, .tar.gz or .tar; if absent, what is "
        "there, which --force replaces.",
        show_default=False,
    ),
]

DeltaSignOption = Annotated[
    Path | None,
    typer.Option(
        "--sign",
        metavar="KEY",
        help="Sign FILE with a secret key of minisign, signify or SSH, as FILE.minisig or FILE.sig.",
        show_default=False,
    ),
]


@spread
def delta(
    old: OldArgument,
    newer: NewerArgument,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The new file.")],
    best: Annotated[
        bool, typer.Option("--best", help="Take four times as long, for half the size; applying it needs gzip.")
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="SIZE",
            help="Write parts of this size (4g, 700m): FILE.0001 and so on, and FILE as their list, with a sum each.",
            show_default=False,
        ),
    ] = None,
    sign: DeltaSignOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    limit: LimitOption = None,
    reporting: ReportOptions,
    waiting: ProgressOptions,
) -> None:
    """Write what NEWER has and OLD lacks into one file, the same bytes for the same two bundles.

    `bundler apply` makes NEWER of OLD and the file. What a container writes to is not looked at in OLD: its volumes may
    hold something else where the file is applied.
    """
    import bundler
    from bundler.deltas.writing import BEST, USUAL

    report = reporting.of("delta")
    limits = limits_of(limit)
    with waiting.bars() as bars:
        made = bundler.delta(
            old,
            newer,
            output,
            replace=force,
            level=BEST if best else USUAL,
            split=None if split is None else _size(split),
            key=signing_key(sign),
            limits=limits,
            progress=bars,
            before_publishing=ignore_interruptions,
        )
        document = {} if report is None else _document(made)
    if report is not None:
        report.show(document)
    else:
        typer.echo(printable(str(output)))


def _document(made: "Delta") -> dict[str, object]:
    document = {"file": str(made.path), "sha256": made.sha256, "size": made.size}
    return document if made.signature is None else document | {"signature": str(made.signature)}


def _size(text: str) -> int:
    """Raises RequestError."""
    from bundler.overrides.keys.scalars import parse_size

    try:
        return parse_size(text)
    except ValueError:
        raise RequestError(f"--split: {printable(text[:40])} is no size", hint="write it as 4g or 700m") from None


@spread
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `bundler delta` has written.", readable=False)],
    base: OlderArgument,
    *,
    output: PlaceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there already.")] = False,
    keep_volumes: KeepVolumesOption = False,
    discard_volumes: DiscardVolumesOption = False,
    key: KeyOption = None,
    limit: LimitOption = None,
    waiting: ProgressOptions,
) -> None:
    """Make the newer bundle, or project, of the one that is there and FILE, and verify it as `bundler verify` does.

    The older one has to be the one that FILE was made from, and what was built. The newer one appears whole or not at
    all; where it takes the place of the older one, what the volumes hold moves along. Its path is printed on standard
    output.
    """
    import bundler

    if file.is_dir():
        words = shlex.join(printable(str(path)) for path in (base, file))
        raise RequestError(f"{printable(str(file))} is a directory, and FILE is first", hint=f"bundler apply {words}")
    place = base if output is None else output
    volumes = old_volumes(force=force, keep=keep_volumes, discard=discard_volumes)
    if force and output is None and not discard_volumes:
        volumes = bundler.OldVolumes.KEPT
    limits = limits_of(limit)
    with waiting.bars() as bars:
        bundler.apply(
            file,
            base,
            place,
            replace=force,
            volumes=volumes,
            limits=limits,
            trusted=trusted_key(key),
            progress=bars,
            before_publishing=ignore_interruptions,
        )
    typer.echo(printable(str(place)))
