"""Options that several commands share, and the request they add up to."""

import os
import platform as machine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.errors import RequestError
from bundler.images.platform import Platform
from bundler.limits import DEFAULTS, NAMES

if TYPE_CHECKING:
    from bundler.build import Request

ImageArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="IMAGE",
        help="What to build from: a name (nginx:1.27, docker://...), a file (image.tar, docker-archive:, "
        "oci-archive:), a directory (oci:, dir:), docker-daemon:, containers-storage:, or - for an archive on "
        "standard input.",
        show_default=False,
    ),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--overrides", metavar="FILE", help="An overrides file; later ones win. May be repeated."),
]
PlatformOption = Annotated[
    str | None,
    typer.Option("--platform", metavar="OS/ARCH", help="The platform to take from a multi-platform image."),
]
AuthfileOption = Annotated[
    Path | None, typer.Option("--authfile", metavar="FILE", help="Credentials for registries, as skopeo reads them.")
]
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="The signature policy, instead of the system's policy.json."),
]
TlsVerifyOption = Annotated[
    str | None,
    typer.Option(
        "--tls-verify",
        metavar="true|false",
        help="Whether registries need HTTPS and a valid certificate.",
        show_default=False,
    ),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never use the network.")]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help=f"The most an image may have of: {', '.join(NAMES)}. N may end in k, m, g or t. May be repeated.",
    ),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="host|FILE",
        help="What will run the bundle: this machine, which is looked at, or what a file says in the words of the "
        "overrides key `target`.",
    ),
]
UidMapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--uid-map",
        metavar="C:H:N",
        help="In a user namespace, the container's N users from C on are the machine's from H on; the files of the "
        "rootfs are shifted. May be repeated.",
    ),
]
GidMapOption = Annotated[
    list[str] | None, typer.Option("--gid-map", metavar="C:H:N", help="The same for groups. [default: as --uid-map]")
]
RootlessOption = Annotated[
    bool,
    typer.Option(
        "--rootless",
        help="Unpack, and later run, as an ordinary user: all files are yours, and you are the container's root.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only errors.")]


def make_request(
    image: str | None,
    *,
    overrides: list[str] | None,
    platform: str | None,
    authfile: Path | None,
    policy: Path | None,
    tls_verify: str | None,
    offline: bool,
    limit: list[str] | None = None,
    unpacker: str = "native",
    target: str | None = None,
    uid_map: list[str] | None = None,
    gid_map: list[str] | None = None,
    rootless: bool = False,
) -> "Request":
    """Raise RequestError for a platform or a limit that is none."""
    from bundler.build import Request  # noqa: PLC0415  (the whole pipeline, which --help does not need)
    from bundler.images.access import Access  # noqa: PLC0415

    try:
        requested = Platform.parse(platform) if platform is not None else None
    except ValueError as error:
        raise RequestError(f"--platform: {error}") from None
    try:
        limits = DEFAULTS.changed(tuple(limit or ()))
    except ValueError as error:
        raise RequestError(f"--limit: {error}") from None
    return Request(
        image=image,
        machine=Platform.of("linux", machine.machine() or "x86_64"),
        overrides=tuple(overrides or ()),
        platform=requested,
        access=Access(authfile=authfile, policy=policy, tls_verify=_tls_verify(tls_verify), offline=offline),
        limits=limits,
        unpacker=unpacker,
        target=target,
        uid_map=tuple(uid_map or ()),
        gid_map=tuple(gid_map or ()),
        rootless=rootless,
        caller=(os.geteuid(), os.getegid()),
    )


def _tls_verify(text: str | None) -> bool | None:
    """As skopeo spells it, --tls-verify=false; not given, registries.conf decides."""
    if text not in (None, "true", "false"):
        raise RequestError(f"--tls-verify: {text!r} is neither true nor false")
    return None if text is None else text == "true"
