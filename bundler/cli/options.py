"""Options that several commands share, each written once, and the request they add up to."""

from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import typer

from bundler.cli.console import note
from bundler.cli.progress import Form, ProgressOption
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, NAMES, Limits
from bundler.store import VARIABLE, default_place

if TYPE_CHECKING:
    from bundler import BuildRequest, OldVolumes, Platform
    from bundler.overrides.imports import Importer

REACHING: Final = "How the image is reached, and what it may be"

ImageArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="IMAGE",
        help="What to build from: a name (nginx:1.27, docker://...), a file (image.tar, docker-archive:, "
        "oci-archive:), a directory (oci:, dir:), a root filesystem (rootfs-tar:, rootfs:), docker-daemon:, "
        "containers-storage:, or - for an archive on standard input.",
        show_default=False,
    ),
]
# Whether it can be read is for the commands to say, who know what of it they need.
BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's directory.", readable=False)]
BundleOrProjectArgument = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="The directory of a bundle, or of a project.", readable=False)
]
BundleOrFileArgument = Annotated[
    Path, typer.Argument(metavar="BUNDLE|FILE", help="The bundle's directory, or a packed one.", readable=False)
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--overrides", metavar="FILE", help="An overrides file; later ones win. May be repeated."),
]
FromInspectOption = Annotated[
    str | None,
    typer.Option(
        "--from-inspect",
        metavar="FILE",
        help="What `docker inspect` or `podman inspect` said of a container that is to run from the bundle, below all "
        "overrides.",
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Which container of --from-inspect, by name or id."),
]
FromComposeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from-compose",
        metavar="FILE[:SERVICE]",
        help="A compose file and one of its services, below all overrides; given again, a file to lay over it.",
    ),
]
ComposeEnvOption = Annotated[
    list[str] | None,
    typer.Option("--compose-env", metavar="NAME=VALUE", help="A variable of the compose file. May be repeated."),
]
ComposeEnvFileOption = Annotated[
    list[str] | None,
    typer.Option("--compose-env-file", metavar="FILE", help="A file of such variables. May be repeated."),
]
PlatformOption = Annotated[
    str | None,
    typer.Option(
        "--platform",
        metavar="OS/ARCH",
        help="The platform to take from a multi-platform image.",
        rich_help_panel=REACHING,
    ),
]
AuthfileOption = Annotated[
    Path | None,
    typer.Option(
        "--authfile", metavar="FILE", help="Credentials for registries, as skopeo reads them.", rich_help_panel=REACHING
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="The signature policy, instead of the system's policy.json.",
        rich_help_panel=REACHING,
    ),
]
TlsVerifyOption = Annotated[
    str | None,
    typer.Option(
        "--tls-verify",
        metavar="true|false",
        help="Whether registries need HTTPS and a valid certificate.",
        show_default=False,
        rich_help_panel=REACHING,
    ),
]
RetriesOption = Annotated[
    int,
    typer.Option(
        "--retries",
        metavar="N",
        min=0,
        max=100,
        help="How often to ask a registry again after what may pass: a connection that broke off, an error of the "
        "registry's own.",
        rich_help_panel=REACHING,
    ),
]
TimeoutOption = Annotated[
    int,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=1,
        help="When to give up a registry that says nothing.",
        rich_help_panel=REACHING,
    ),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never use the network.", rich_help_panel=REACHING)]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        envvar=VARIABLE,
        help="Where fetched images are kept; if absent, $XDG_DATA_HOME/bundler (~/.local/share/bundler).",
        show_default=False,
        rich_help_panel=REACHING,
    ),
]
RequireDigestOption = Annotated[
    bool,
    typer.Option(
        "--require-digest",
        help="Refuse a registry's image that neither a digest nor a lock pins.",
        rich_help_panel=REACHING,
    ),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help=f"The most an image may have of: {', '.join(NAMES)}. N may end in k, m, g or t. May be repeated.",
        rich_help_panel=REACHING,
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
    list[str] | None, typer.Option("--gid-map", metavar="C:H:N", help="The same for groups; if absent, as --uid-map.")
]
RootlessOption = Annotated[
    bool,
    typer.Option(
        "--rootless",
        help="Unpack, and later run, as an ordinary user: all files are yours, and you are the container's root.",
    ),
]
KeepVolumesOption = Annotated[
    bool,
    typer.Option("--keep-volumes", help="With --force: carry what the volumes hold over into the new bundle."),
]
DiscardVolumesOption = Annotated[
    bool,
    typer.Option("--discard-volumes", help="With --force: remove what the volumes hold, or cannot be carried over."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only errors.")]


class Unpacker(StrEnum):
    """Who applies the layers."""

    NATIVE = "native"
    UMOCI = "umoci"


def limits_of(limit: list[str] | None) -> Limits:
    """The limits that --limit changes. Raises RequestError."""
    try:
        return DEFAULTS.changed(tuple(limit or ()))
    except ValueError as error:
        raise RequestError(f"--limit: {error}", hint="for example --limit unpacked-size=300g") from None


def note_namesake(image: str | None, *, quiet: bool) -> None:
    """Tell where a word was taken for the name of an image, and a bundle of that name is here, as ./NAME."""
    if image is None or quiet or "/" in image or not Path(image, "bundler.json").is_file():
        return
    shown = printable(image)
    note(f"{shown} was taken for an image; the bundle that is here is ./{shown}: bundler explain ./{shown}")


def old_volumes(*, force: bool, keep: bool, discard: bool) -> "OldVolumes":
    """What becomes of the volumes of a bundle that is replaced. Raises RequestError."""
    from bundler import OldVolumes

    if (keep or discard) and not force:
        raise RequestError("--keep-volumes and --discard-volumes are for a bundle that is replaced", hint="add --force")
    kept, discarded = OldVolumes.KEPT if keep else OldVolumes.REFUSED, OldVolumes.DISCARDED
    return kept | discarded if discard else kept


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOptions:
    """How images may be reached, and which of their platforms is meant."""

    platform: PlatformOption = None
    authfile: AuthfileOption = None
    policy: PolicyOption = None
    tls_verify: TlsVerifyOption = None
    retries: RetriesOption = 3
    timeout: TimeoutOption = 120
    offline: OfflineOption = False
    store: StoreOption = None
    require_digest: RequireDigestOption = False
    limit: LimitOption = None
    progress: ProgressOption = Form.AUTO
    quiet: QuietOption = False

    def request(self, **more: Any) -> "BuildRequest":
        """The request they add up to, with what else a command knows of it. Raises RequestError."""
        from bundler import Access, BuildRequest

        return BuildRequest(
            platform=self._platform(),
            access=Access(
                authfile=self.authfile,
                policy=self.policy,
                tls_verify=self._tls_verify(),
                offline=self.offline,
                retries=self.retries,
                timeout=self.timeout,
                report=note,
            ),
            store=self.store or default_place(),
            require_digest=self.require_digest,
            limits=limits_of(self.limit),
            **more,
        )

    def _platform(self) -> "Platform | None":
        from bundler import Platform

        try:
            return Platform.parse(self.platform) if self.platform is not None else None
        except ValueError as error:
            raise RequestError(f"--platform: {error}", hint="for example --platform linux/arm64") from None

    def _tls_verify(self) -> bool | None:
        """As skopeo spells it, --tls-verify=false; not given, registries.conf decides."""
        if self.tls_verify not in (None, "true", "false"):
            what = f"--tls-verify: {printable(self.tls_verify or '')!r} is neither true nor false"
            raise RequestError(what, hint="--tls-verify=false talks to a registry without a certificate")
        return None if self.tls_verify is None else self.tls_verify == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions(AccessOptions):
    """An image, and how it may be reached."""

    image: ImageArgument = None

    def request(self, **more: Any) -> "BuildRequest":
        return AccessOptions.request(self, image=self.image, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions(AccessOptions):
    """How several images may be reached, and what their bundles are to be like as far as a lock knows of it."""

    overrides: OverridesOption = None
    from_inspect: FromInspectOption = None
    name: NameOption = None
    from_compose: FromComposeOption = None
    compose_env: ComposeEnvOption = None
    compose_env_file: ComposeEnvFileOption = None
    target: TargetOption = None

    def request(self, **more: Any) -> "BuildRequest":
        imports = importers(self)
        return AccessOptions.request(self, overrides=self.overrides or (), imports=imports, target=self.target, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions(ImageOptions):
    """An image, how it is reached, and what its bundle is to be like."""

    names_container: ClassVar[bool] = False  # --name does, besides choosing one of --from-inspect

    overrides: OverridesOption = None
    from_inspect: FromInspectOption = None
    name: NameOption = None
    from_compose: FromComposeOption = None
    compose_env: ComposeEnvOption = None
    compose_env_file: ComposeEnvFileOption = None
    target: TargetOption = None
    uid_map: UidMapOption = None
    gid_map: GidMapOption = None
    rootless: RootlessOption = False

    def request(self, **more: Any) -> "BuildRequest":
        return ImageOptions.request(
            self,
            overrides=self.overrides or (),
            imports=importers(self),
            target=self.target,
            uid_map=self.uid_map or (),
            gid_map=self.gid_map or (),
            rootless=self.rootless,
            **more,
        )


def importers(options: LockOptions | BundleOptions) -> "tuple[Importer, ...]":
    """What is to lie below the overrides files, the lowest first. Raises RequestError."""
    if list(read_by(options)).count("-") > 1:
        raise RequestError("standard input can be read only once", hint="name a file for the other")
    found: list[Importer] = []
    if options.from_inspect is not None:
        from bundler.overrides.docker_inspect.convert import load_inspect

        found.append(load_inspect(options.from_inspect, options.name))
    elif options.name is not None and not (isinstance(options, BundleOptions) and options.names_container):
        raise RequestError("--name chooses a container of --from-inspect FILE")
    if options.from_compose:
        from bundler.overrides.compose.convert import load_compose

        image_needed = isinstance(options, BundleOptions) and options.image is None
        variables = (options.compose_env or (), options.compose_env_file or ())
        found.append(load_compose(options.from_compose, *variables, image_needed=image_needed))
    elif options.compose_env or options.compose_env_file:
        raise RequestError("--compose-env and --compose-env-file are for the variables of --from-compose FILE")
    return tuple(found)


def read_by(options: LockOptions | BundleOptions) -> "Iterator[str | None]":
    """What the options name to be read, `-` for standard input."""
    yield from (getattr(options, "image", None), options.from_inspect)
    yield from (options.overrides or ())
    yield from (word.partition(":")[0] for word in options.from_compose or ())


def words_of(options: ImageOptions) -> list[str]:
    """The words of a command line that say what `options` do, the image last."""
    words = option_words(options)
    return words if options.image is None else [*words, "--", options.image]


def option_words(options: AccessOptions) -> list[str]:
    """The words of a command line that say what `options` do, but for its arguments."""
    words = []
    for option in fields(options):
        value, name = getattr(options, option.name), "--" + option.name.replace("_", "-")
        if value is True:
            words.append(name)
        elif value is not None and value is not False and option.name != "image":
            words += [f"{name}={each}" for each in (value if isinstance(value, list) else [value])]
    return words
