"""Options that several commands share, each written once, and the request they add up to."""

from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from bundler.cli.options.access import AccessOptions
from bundler.cli.output.console import note
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass

if TYPE_CHECKING:
    from bundler import BuildRequest, OldVolumes
    from bundler.overrides.imports import Importer

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


class Unpacker(StrEnum):
    """Who applies the layers."""

    NATIVE = "native"
    UMOCI = "umoci"


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
