"""`bundler config`: the config.json that build would write."""

import sys

import typer

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
from bundler.cli.remarks import remark


def config(
    image: ImageArgument = None,
    *,
    overrides: OverridesOption = None,
    platform: PlatformOption = None,
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
    """Print the config.json that `build` would write; no rootfs is made."""
    from bundler import build as pipeline  # noqa: PLC0415
    from bundler.bundles.write import encode  # noqa: PLC0415

    request = make_request(
        image,
        overrides=overrides,
        platform=platform,
        authfile=authfile,
        policy=policy,
        tls_verify=tls_verify,
        offline=offline,
        limit=limit,
        target=target,
        uid_map=uid_map,
        gid_map=gid_map,
        rootless=rootless,
    )
    with shown_progress(wanted=not quiet and sys.stderr.isatty()) as progress:
        runtime_config = pipeline.preview(request, progress=progress)
    remark(runtime_config, quiet=quiet)
    typer.echo(encode(runtime_config.document), nl=False)
