"""`bundler pack`: a bundle becomes one file."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bundler.cli.console import note
from bundler.cli.failures import ignore_interruptions
from bundler.cli.options import BundleArgument, QuietOption
from bundler.cli.progress import Form, ProgressOption, shown_progress
from bundler.cli.report import FormatOption, JsonOption, asked_for
from bundler.errors import RequestError, printable

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
SignOption = Annotated[
    Path | None,
    typer.Option(
        "--sign",
        metavar="KEY",
        help="Sign FILE, or the kit's checksums, with a secret key of minisign, signify or SSH, as FILE.minisig or "
        "FILE.sig.",
        show_default=False,
    ),
]
_KIT: Final = "The kit"
KitNameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="The container's and the unit's name; if absent, container_name, else one made of the image id.",
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


def pack(
    bundle: BundleArgument,
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
    sign: SignOption = None,
    made_at: TimeOption = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    as_json: JsonOption = False,
    pointer: FormatOption = None,
    progress: ProgressOption = Form.AUTO,
    quiet: QuietOption = False,
) -> None:
    """Pack BUNDLE into one file, the same bytes for the same bundle on any machine.

    The file appears whole or not at all. Its path is printed on standard output, with --json also its sha256 and size;
    with --kit, the sha256 is that of the kit's list of checksums. minisign, signify, usign and ssh-keygen verify what
    --sign writes.
    """
    if not kit and (name or directory or runtime):
        raise RequestError("--name, --directory and --runtime are those of a kit", hint="add --kit")
    report = asked_for("pack", as_json=as_json, pointer=pointer)
    key = None
    if sign is not None:
        from bundler.trust.keys import load_signing_key

        key = load_signing_key(sign)
    document: dict[str, object]
    with shown_progress(progress, quiet=quiet) as shown:
        options: dict[str, Any] = {
            "as_is": as_is,
            "replace": force,
            "level": level,
            "key": key,
            "progress": shown,
            "before_publishing": ignore_interruptions,
        }
        if kit:
            from bundler.kit import make_kit

            made = make_kit(bundle, output, name=name, directory=directory, runtime=runtime, **options)
            remarks, document = made.remarks, {"kit": str(made.path), "sha256": made.sha256}
            signature = made.signature
        else:
            import bundler

            packed = bundler.pack(bundle, output, made_at=made_at, **options)
            remarks, signature = () if packed.remark is None else (packed.remark,), packed.signature
            # To hash the file takes a while: only with --json.
            document = {} if report is None else {"file": str(output), "sha256": packed.sha256, "size": packed.size}
    for remark in remarks:
        note(remark)
    if report is not None:
        report.show(document | ({} if signature is None else {"signature": str(signature)}))
    else:
        typer.echo(printable(str(output)))
