"""`bundler pack`: a bundle becomes one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bundler.cli.options.bundle import BundleOrProjectArgument
from bundler.cli.options.signing import SigningOptions
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note
from bundler.cli.output.progress import ProgressOptions
from bundler.cli.output.report import ReportOptions
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import RequestError, printable

if TYPE_CHECKING:
    from bundler import Packed
    from bundler.kits.kit import Kit

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


OutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The new file; its name ends in .tar.zst, .tar.gz, .tar, .squashfs or .erofs. With --kit, the new folder.",
    ),
]
LevelOption = Annotated[
    int | None,
    typer.Option(
        "--level",
        metavar="N",
        help="How hard to compress: zst 1 to 19, usually 3; gz, kits 1 to 9, usually 6; squashfs 1 to 22, usually 9.",
    ),
]
_KIT: Final = "The kit"
KitNameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="The container's and the unit's name; if absent, container_name, else one made of the image id. Of a "
        "project, the target's.",
        show_default=False,
        rich_help_panel=_KIT,
    ),
]
KitDirectoryOption = Annotated[
    str | None,
    typer.Option(
        "--directory",
        metavar="DIR",
        help="Where the kit installs the bundle; if absent, /srv/bundles/NAME.",
        show_default=False,
        rich_help_panel=_KIT,
    ),
]
KitRuntimeOption = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        metavar="PROGRAM",
        help="What the installed unit starts; if absent, the runtime of the bundle's target.",
        show_default=False,
        rich_help_panel=_KIT,
    ),
]


@spread
def pack(
    bundle: BundleOrProjectArgument,
    options: SigningOptions,
    *,
    output: OutputOption,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Pack also what was changed since it was built, and without a look at it.")
    ] = False,
    kit: Annotated[
        bool,
        typer.Option("--kit", help="Make a folder that also has what runs it without bundler.", rich_help_panel=_KIT),
    ] = False,
    name: KitNameOption = None,
    directory: KitDirectoryOption = None,
    runtime: KitRuntimeOption = None,
    level: LevelOption = None,
    made_at: TimeOption = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    reporting: ReportOptions,
    waiting: ProgressOptions,
) -> None:
    """Pack BUNDLE into one file, the same bytes for the same bundle on any machine.

    A project is packed with all its bundles and volumes, into a tar archive. The file appears whole or not at all. Its
    path is printed on standard output, with --json also its sha256 and size; with --kit, the sha256 is that of the
    kit's list of checksums. minisign, signify, usign and ssh-keygen verify what --sign writes.
    """
    report = reporting.of("pack")
    if not kit and (name or directory or runtime):
        raise RequestError("--name, --directory and --runtime are those of a kit", hint="add --kit")
    if kit and options.attest:
        raise RequestError(
            "--attest is about a packed file, and --kit makes a folder", hint="pack it without --kit, too"
        )
    key = options.key()
    stated = options.stated(bundle, output, key, force=force)
    with waiting.bars() as bars:
        common: dict[str, Any] = {
            "as_is": as_is,
            "replace": force,
            "level": level,
            "key": key,
            "progress": bars,
            "before_publishing": ignore_interruptions,
        }
        if kit:
            made: Kit | Packed = _kit(bundle, output, name=name, directory=directory, runtime=runtime, **common)
        else:
            made = _file(bundle, output, made_at=made_at, **common)
        statement = None if stated is None else stated.write(output, made.sha256, key=key, replace=force)
    for remark in made.remarks:
        note(remark)
    if report is None:
        typer.echo(printable(str(output)))
    else:
        report.show(_described(made, statement))


def _kit(bundle: Path, output: Path, **options: Any) -> "Kit":
    from bundler.kits.kit import make_kit

    return make_kit(bundle, output, **options)


def _file(bundle: Path, output: Path, **options: Any) -> "Packed":
    import bundler

    return bundler.pack(bundle, output, **options)


def _described(made: "Kit | Packed", statement: Path | None) -> dict[str, object]:
    """What --json prints. To hash a file takes a while, so it is done for this alone."""
    from bundler.packing.packing import Packed

    document: dict[str, object] = {"sha256": made.sha256}
    document |= {"file": str(made.path), "size": made.size} if isinstance(made, Packed) else {"kit": str(made.path)}
    for name, path in (("signature", made.signature), ("attestation", statement)):
        if path is not None:
            document[name] = str(path)
    return document
