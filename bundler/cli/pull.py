"""`bundler pull`: a packed bundle comes from a registry."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bundler.cli.options.access import REACHING, PolicyOption, RegistryOptions, StoreOption, limits_of
from bundler.cli.options.bundle import DiscardVolumesOption, KeepVolumesOption, old_volumes
from bundler.cli.options.signing import signed_document, trusted_key
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note
from bundler.cli.output.report import ReportOptions
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.cli.push import NameArgument
from bundler.errors import RequestError, printable

if TYPE_CHECKING:
    from bundler import Pulled
    from bundler.cli.output.report import Report, ReportOptions
    from bundler.images.digest import Digest

PulledKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="PUB",
        help="Refuse it unless this public key (minisign, signify, SSH) has signed it.",
        show_default=False,
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="OLD|DIGEST",
        help="An older bundle that is here, or a packed one: fetch the delta from it, if the registry has it. With the "
        "digest of one (sha256:...), the delta is what is pulled.",
        show_default=False,
    ),
]
PlaceOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="The bundle's directory, or a file whose name ends as that of a packed one.  [required]",
        show_default=False,
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]
DigestOption = Annotated[
    bool, typer.Option("--require-digest", help="Refuse a name without a digest.", rich_help_panel=REACHING)
]
_BEGINS: Final = "sha256:"


@spread
def pull(
    name: NameArgument,
    options: RegistryOptions,
    *,
    output: PlaceOption = None,
    base: FromOption = None,
    key: PulledKeyOption = None,
    force: ForceOption = False,
    keep_volumes: KeepVolumesOption = False,
    discard_volumes: DiscardVolumesOption = False,
    require_digest: DigestOption = False,
    policy: PolicyOption = None,
    store: StoreOption = None,
    reporting: ReportOptions,
) -> None:
    """Pull a bundle, or a project, that was pushed to a registry: as the packed file, or as the directory.

    It appears whole or not at all. What comes is held against its digest, and the bundle is verified as `bundler
    verify` does, so that the registry need not be trusted: with --key, or a NAME@sha256:..., nor the network.
    """
    import bundler
    from bundler.store.find import place_of

    report = reporting.of("pull")
    if output is None:
        hint = f"bundler pull {printable(name)} -o DIR makes a packed bundle a bundle; an image: bundler fetch"
        raise RequestError("missing option '--output' / '-o'", hint=f"{hint} {printable(name)}")
    if require_digest and "@" not in name:
        raise RequestError(
            f"{printable(name)} is named by a tag, which may mean another bundle tomorrow",
            hint="name it by its digest, NAME@sha256:..., which bundler push prints",
        )
    volumes = old_volumes(force=force, keep=keep_volumes, discard=discard_volumes)
    with options.bars() as bars:
        pulled = bundler.pull(
            name,
            output,
            access=options.access(policy=policy),
            store=place_of(store),
            base=_base(base),
            trusted=trusted_key(key),
            replace=force,
            volumes=volumes,
            limits=limits_of(options.limit),
            progress=bars,
            before_publishing=ignore_interruptions,
        )
    _tell(pulled, output, report, quiet=options.quiet)


def _tell(pulled: "Pulled", output: Path, report: "Report | None", *, quiet: bool) -> None:
    if report is not None:
        document = {"name": pulled.name, "digest": pulled.digest, "path": str(output), "fetched": pulled.size}
        signed = {} if pulled.signed is None else {"signed": signed_document(pulled.signed)}
        report.show({**document, "delta": pulled.by_delta, **signed})
        return
    typer.echo(printable(str(output)))
    if pulled.signed is not None and not quiet:
        note(f"signed by the key {pulled.signed.key}")


def _base(text: str | None) -> "Path | Digest | None":
    """Raises RequestError."""
    if text is None or not text.startswith(_BEGINS):
        return None if text is None else Path(text)
    from bundler.images.digest import Digest

    try:
        return Digest.parse(text)
    except ValueError as error:
        raise RequestError(f"--from: {printable(str(error))}", hint="or name the older bundle by its path") from None
