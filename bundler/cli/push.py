"""`bundler push`: a bundle goes to a registry, packed."""

from pathlib import Path
from typing import Annotated, Final

import typer

from bundler.cli.options.access import RegistryOptions, limits_of
from bundler.cli.options.signing import signing_key
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note
from bundler.cli.output.report import ReportOptions
from bundler.errors import RequestError, printable

SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE|FILE", help="The directory of a bundle, or of a project, or a packed one.", readable=False
    ),
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Where it is in a registry: docker://REGISTRY/NAME:TAG.")
]
PushSignOption = Annotated[
    Path | None,
    typer.Option(
        "--sign",
        metavar="KEY",
        help="Sign it with a secret key of minisign, signify or SSH; if absent, signatures beside FILE come along.",
        show_default=False,
    ),
]
DeltaFromOption = Annotated[
    Path | None,
    typer.Option(
        "--delta-from",
        metavar="OLD",
        help="Push the delta from this older bundle or project, packed or not, too.",
        show_default=False,
    ),
]
_REGISTRY: Final = "docker:"


@spread
def push(
    bundle: SourceArgument,
    name: NameArgument,
    options: RegistryOptions,
    *,
    sign: PushSignOption = None,
    delta_from: DeltaFromOption = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Push also what was changed since it was built, and without a look at it.")
    ] = False,
    reporting: ReportOptions,
) -> None:
    """Push a bundle, or a project, to a registry, packed, with its signatures, where `bundler pull` finds it.

    It is an artifact as image-spec has it: `oras pull` gives the packed file, too. The same bundle has the same digest,
    which is printed, and what the registry has is not sent again.
    """
    import bundler

    report = reporting.of("push")
    if str(bundle).startswith(_REGISTRY):
        typed = str(bundle).replace(":/", "://", 1)  # as a path it has lost a slash
        raise RequestError("BUNDLE is first, and NAME second", hint=f"bundler push {printable(f'{name} {typed}')}")
    key = signing_key(sign)
    with options.bars() as bars:
        pushed = bundler.push(
            bundle,
            name,
            access=options.access(),
            as_is=as_is,
            key=key,
            base=delta_from,
            limits=limits_of(options.limit),
            progress=bars,
        )
    if report is not None:
        attached = [{"type": kind, "digest": digest} for kind, digest in pushed.referrers]
        document = {"name": pushed.name, "digest": pushed.digest, "sha256": pushed.sha256, "size": pushed.size}
        report.show({**document, "attached": attached, "sent": pushed.sent})
        return
    typer.echo(f"{pushed.name} {pushed.digest}")
    if not pushed.sent and not options.quiet:
        note("the registry had it already, and nothing was sent")
