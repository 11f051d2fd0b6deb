"""`bundler export` and `import`: images of the store as one file, and out of files into the store."""

from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.options.access import (
    LimitOption,
    StoreOption,
    TrustOption,
    VerifyKeyOption,
    limits_of,
    trust_policy,
)
from bundler.cli.options.spread import spread
from bundler.cli.output.progress import ProgressOptions
from bundler.cli.output.report import ReportOptions
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import printable

SinceOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--since",
        metavar="FILE",
        help="Leave out what the other side has: a bundler.lock, an earlier FILE, or what `bundler images --json` "
        "prints there. May be repeated.",
        show_default=False,
    ),
]
ImportedNameOption = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="What the image is called in the store; without a tag, it keeps the one that it has. May be repeated.",
        show_default=False,
    ),
]


@spread
def export(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Names, as `bundler images` lists them.")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The new file: .tar, .tar.zst or .tar.gz.")
    ],
    since: SinceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    store: StoreOption = None,
    limit: LimitOption = None,
    reporting: ReportOptions,
    waiting: ProgressOptions,
) -> None:
    """Write images of the store into one file, the same bytes for the same images: for `bundler import` elsewhere.

    It is an OCI layout in a tar archive, which skopeo and podman read, too, unless --since has left something out. What
    is attached to the images (signatures) goes along. The file's path is printed on standard output.
    """
    from bundler.carrying.export import check_place, export_images
    from bundler.carrying.known import Since
    from bundler.images.transports.table import parse_reference
    from bundler.store.find import place_of
    from bundler.store.layout import open_store

    report = reporting.of("export")
    names = [parse_reference(image).name_in_registry() for image in images]
    check_place(output, replace=force)
    limits = limits_of(limit)
    with (
        waiting.bars() as bars,
        open_store(place_of(store), limits=limits) as opened,
        opened.stage() as workspace,
    ):
        there = Since(opened, workspace, limits)
        made = export_images(
            opened,
            names,
            output,
            known=dict(pair for path in since or () for pair in there.blobs(path)),
            replace=force,
            progress=bars,
            before_publishing=ignore_interruptions,
        )
        document = {} if report is None else {"file": str(output), "sha256": made.sha256, "size": made.size}
    if report is None:
        typer.echo(printable(str(output)))
        return
    listed = [{"name": name, "digest": digest} for name, digest in made.images]
    absent = [{"digest": str(one.digest), "size": one.size, "image": one.image} for one in made.left_out]
    report.show(document | {"images": listed, "left_out": absent})


@spread
def import_images(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="What export, docker save, podman save or skopeo wrote, compressed or not, an OCI layout's folder, or "
            "- for standard input; FILE:NAME is one of its images.",
        ),
    ],
    *,
    names: ImportedNameOption = None,
    verify_key: VerifyKeyOption = None,
    trust: TrustOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace other images of the same names.")] = False,
    store: StoreOption = None,
    limit: LimitOption = None,
    reporting: ReportOptions,
    waiting: ProgressOptions,
) -> None:
    """Put the images of a file into the store, all or none, where `build` finds them without a network.

    Every blob is held against its digest first, and every signature that --verify-key or --trust asks for. Names and
    digests are printed, one line for each image. What is in the store already is not copied again.
    """
    from bundler.carrying.importing import Import
    from bundler.carrying.names import GivenName
    from bundler.carrying.source import Source
    from bundler.store.find import place_of

    report = reporting.of("import")
    given = [GivenName.parse(text) for text in names or ()]
    source, limits, policy = Source.parse(file), limits_of(limit), trust_policy(verify_key, trust)
    with waiting.bars() as bars:
        importing = Import(limits=limits, progress=bars, names=given, trust=policy, replace=force)
        imported = importing.into(place_of(store), source)
    if report is not None:
        report.show({"images": [{"name": name, "digest": digest} for name, digest in imported]})
        return
    for each, digest in imported:
        typer.echo(f"{each} {digest}")
