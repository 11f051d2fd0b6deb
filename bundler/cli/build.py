"""`bundler build`: an image becomes a bundle."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.failures import ignore_interruptions
from bundler.cli.options import (
    AuthfileOption,
    GidMapOption,
    ImageArgument,
    LimitOption,
    OfflineOption,
    OverridesOption,
    PlatformOption,
    PolicyOption,
    QuietOption,
    RootlessOption,
    TargetOption,
    TlsVerifyOption,
    UidMapOption,
    make_request,
)
from bundler.cli.progress import shown_progress
from bundler.cli.remarks import remark, remark_skipped
from bundler.errors import printable


class Unpacker(StrEnum):
    """Who applies the layers."""

    NATIVE = "native"
    UMOCI = "umoci"


def build(
    image: ImageArgument = None,
    *,
    overrides: OverridesOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="The bundle's directory. [default: the image's name, here]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there already.")] = False,
    platform: PlatformOption = None,
    unpacker: Annotated[Unpacker, typer.Option("--unpacker", help="Who unpacks the layers.")] = Unpacker.NATIVE,
    authfile: AuthfileOption = None,
    policy: PolicyOption = None,
    tls_verify: TlsVerifyOption = None,
    offline: OfflineOption = False,
    limit: LimitOption = None,
    target: TargetOption = None,
    uid_map: UidMapOption = None,
    gid_map: GidMapOption = None,
    rootless: RootlessOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make an OCI runtime bundle from IMAGE: rootfs/, config.json and what they need.

    The bundle appears whole or not at all. Its path is printed on standard output.
    """
    from bundler import build as pipeline  # noqa: PLC0415

    request = make_request(
        image,
        overrides=overrides,
        platform=platform,
        authfile=authfile,
        policy=policy,
        tls_verify=tls_verify,
        offline=offline,
        limit=limit,
        unpacker=unpacker.value,
        target=target,
        uid_map=uid_map,
        gid_map=gid_map,
        rootless=rootless,
    )
    with shown_progress(wanted=not quiet and sys.stderr.isatty()) as progress:
        built = pipeline.build(request, output, force=force, progress=progress, before_publishing=ignore_interruptions)
    remark(built.runtime_config, quiet=quiet)
    remark_skipped(built.skipped, quiet=quiet)
    typer.echo(printable(str(built.path)))
