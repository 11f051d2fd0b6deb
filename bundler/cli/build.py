"""`bundler build`: an image becomes a bundle, twice where it has to be proven reproducible."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundler.cli.options.bundle import DiscardVolumesOption, KeepVolumesOption, Unpacker, old_volumes, read_by, words_of
from bundler.cli.options.settings import SettingsOptions
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note, remark, remark_skipped
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass

if TYPE_CHECKING:
    from bundler import BuildRequest, Image
    from bundler.bundles.replacement.stage import Stage


class RootfsForm(StrEnum):
    """What the root filesystem of a bundle is."""

    DIR = "dir"
    EROFS = "erofs"


CheckReproducibleOption = Annotated[
    bool,
    typer.Option(
        "--check-reproducible",
        help="Build a second time, under another folder, umask, locale, time zone and hash seed, and fail if that "
        "gives another bundle.",
    ),
]


RootfsOption = Annotated[
    RootfsForm | None,
    typer.Option(
        "--rootfs",
        help="What the root filesystem is: a directory, or rootfs.erofs, one file that any user makes exactly and that "
        "is mounted to run it.",
        show_default=False,
    ),
]
VerityOption = Annotated[
    bool,
    typer.Option("--verity", help="With --rootfs erofs: add dm-verity's hashes, its root hash to bundler.json."),
]
LinkFromOption = Annotated[
    Path | None,
    typer.Option(
        "--link-from",
        metavar="BUNDLE",
        help="With --rootfs erofs: if BUNDLE has the same image, share its file instead of keeping two.",
        readable=False,
    ),
]
LockOption = Annotated[
    Path | None,
    typer.Option(
        "--lock", metavar="FILE", help="Write down what was built from; with --locked, the lock that is read."
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="The bundle's directory; if absent, the image's name, here."),
]


LockedOption = Annotated[
    bool, typer.Option("--locked", help="Refuse what differs from the lock (bundler.lock), and resolve no tag.")
]
UnpackerOption = Annotated[Unpacker, typer.Option("--unpacker", help="Who unpacks the layers.")]
UmociMetadataOption = Annotated[
    bool, typer.Option("--umoci-metadata", help="Write umoci.json and its manifest too, so that `umoci repack` works.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions(SettingsOptions):
    """A bundle, and how its root filesystem is made."""

    unpacker: UnpackerOption = Unpacker.NATIVE
    umoci_metadata: UmociMetadataOption = False
    rootfs: RootfsOption = None
    verity: VerityOption = False

    def request(self, **more: Any) -> "BuildRequest":
        return SettingsOptions.request(
            self,
            unpacker=self.unpacker.value,
            umoci_metadata=self.umoci_metadata,
            rootfs=None if self.rootfs is None else self.rootfs.value,
            verity=self.verity,
            **more,
        )


@spread
def build(
    options: BuildOptions,
    *,
    output: OutputOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there already.")] = False,
    keep_volumes: KeepVolumesOption = False,
    discard_volumes: DiscardVolumesOption = False,
    check_reproducible: CheckReproducibleOption = False,
    link_from: LinkFromOption = None,
    lock: LockOption = None,
    locked: LockedOption = False,
) -> None:
    """Make an OCI runtime bundle from IMAGE: rootfs/, config.json and what they need.

    The bundle appears whole or not at all. Its path is printed on standard output.
    """
    import bundler
    from bundler.bundles.replacement.replaced_file import replace_file
    from bundler.reproducible.lock import NAME, check_lock_place, describe
    from bundler.reproducible.second_build import check_reproducible as build_again

    if check_reproducible and "-" in read_by(options):
        raise RequestError("--check-reproducible reads everything twice, and standard input can be read once")

    if lock is not None and not locked:
        check_lock_place(lock)
    volumes = old_volumes(force=force, keep=keep_volumes, discard=discard_volumes)

    words = ["--locked", f"--lock={lock or NAME}"] if locked else []

    def check(stage: "Stage") -> None:
        if check_reproducible:
            build_again(stage, [*words, *words_of(options)])

    opened: list[Image] = []
    read = bundler.load_lock(lock or Path(NAME)) if locked else None
    request = options.request(lock=read, opened=opened.append)
    with options.bars() as progress:
        built = bundler.build(
            request,
            output,
            replace=force,
            volumes=volumes,
            link_from=link_from,
            progress=progress,
            check=check,
            before_publishing=ignore_interruptions,
        )
    if lock is not None and not locked:
        replace_file(lock, describe(built.inputs, opened, request.trust))
    remark(built.runtime_config, quiet=options.quiet)
    remark_skipped(built.skipped, quiet=options.quiet)
    if built.unshared and not options.quiet:
        note(built.unshared)
    typer.echo(printable(str(built.path)))
