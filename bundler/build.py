"""The pipeline: a reference and overrides become a bundle, or the config.json that the bundle would have."""

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bundler.bundles.record import record
from bundler.bundles.stage import Stage, check_destination, open_stage
from bundler.bundles.write import encode, hand_over, make_folder, settle, write_file
from bundler.conversion.accounts import Accounts, needs_lookup, parse_accounts
from bundler.conversion.convert import RuntimeConfig, convert
from bundler.conversion.etc_files import generated_files
from bundler.conversion.givens import Givens
from bundler.conversion.id_mappings import ranges
from bundler.conversion.init import chosen_init
from bundler.conversion.mounts import folders
from bundler.conversion.volumes import BundleFolder
from bundler.errors import ImageError, RequestError, printable
from bundler.images.access import Access
from bundler.images.image import Image
from bundler.images.platform import Platform
from bundler.images.reference import default_directory_name
from bundler.images.transports import open_image
from bundler.limits import DEFAULTS, Limits
from bundler.origins import UNSET
from bundler.overrides.id_maps import caller_maps, stated_maps
from bundler.overrides.load import Overrides, load
from bundler.profiles import load_profile
from bundler.progress import SILENT, Progress
from bundler.rootfs.inventory import Inventory, write_manifest
from bundler.rootfs.owners import Owners, choose_owners
from bundler.rootfs.paths import PathError, clean
from bundler.rootfs.seed import seed_volume
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpack import sketch, unpack
from bundler.targets import load_target

_ACCOUNT_FILES: Final = (b"passwd", b"group")
_MAXIMUM_ACCOUNT_FILE: Final = 4 << 20  # bytes; the largest passwd files of real machines have some 100,000 lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for. `image` and `platform` may be left to the overrides.

    `machine` is the platform to take from a multi-platform image when nobody asks for one; `caller` is the user and
    the group that are root in a rootless bundle when no map says so.
    """

    image: str | None
    machine: Platform
    overrides: tuple[str, ...] = ()
    platform: Platform | None = None
    access: Access = field(default_factory=Access)
    unpacker: str = "native"
    target: str | None = None
    limits: Limits = DEFAULTS
    uid_map: tuple[str, ...] = ()
    gid_map: tuple[str, ...] = ()
    rootless: bool = False
    caller: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Built:
    """A finished bundle, the image it was made from, and what its config.json says.

    `skipped` counts what of the image an ordinary user could not make, by what it is.
    """

    path: Path
    image: Image
    runtime_config: RuntimeConfig
    skipped: Mapping[str, int]


def build(
    request: Request,
    output: Path | None,
    *,
    force: bool,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> Built:
    """Make the bundle at `output` (None: the image's own name, in the current folder), whole or not at all.

    `before_publishing` is called when nothing is left to do but the one step that makes the bundle appear.
    """
    overrides = _overrides(request)
    if output is not None:
        check_destination(output, replace=force)
    with (
        open_stage(output.parent if output else Path()) as stage,
        _open(request, overrides, stage.workspace, progress) as image,
        Inventory(stage.workspace, owned=not request.rootless) as inventory,
    ):
        destination = output or Path(_own_name(image))
        check_destination(destination, replace=force)
        rootfs = stage.bundle / "rootfs"
        rootfs.mkdir()
        givens = _givens(request, image, overrides, Accounts())
        owners = choose_owners(ranges(givens), rootless=request.rootless)
        _unpack(request, image, rootfs, owners, inventory=inventory, progress=progress)
        with Tree.open(rootfs, owners, inventory) as tree:
            givens = replace(givens, accounts=_read_accounts(tree))
            runtime_config = convert(givens)
            tree.make_working_directory(os.fsencode(runtime_config.working_directory))
            manifest = write_manifest(inventory, stage.bundle / "rootfs.mtree")
            _furnish(stage, tree, givens, runtime_config, manifest)
        _unpack_mounted_images(stage, folders(givens), request, owners, progress)
        settle(stage.bundle)
        if owners.maps:
            empty = [folder.path for folder in folders(givens) if folder.seed is None and folder.image is None]
            hand_over(stage.bundle, empty, *(shifts.shift(0) for shifts in owners.maps))
        before_publishing()
        stage.publish(destination, replace=force)
    return Built(destination, image, runtime_config, owners.skipped)


def preview(request: Request, *, progress: Progress = SILENT) -> RuntimeConfig:
    """The runtime config that `build` would write. Layers are read only if a name has to be looked up in them."""
    overrides = _overrides(request)
    with (
        tempfile.TemporaryDirectory() as workspace,
        _open(request, overrides, Path(workspace), progress) as image,
    ):
        accounts = _sketched_accounts(request, image, overrides, Path(workspace), progress)
        return convert(_givens(request, image, overrides, accounts))


def open_requested(request: Request, workspace: Path, progress: Progress = SILENT) -> AbstractContextManager[Image]:
    """The image alone, for commands that only look at it."""
    return _open(request, _overrides(request), workspace, progress)


def _open(request: Request, overrides: Overrides, workspace: Path, progress: Progress) -> AbstractContextManager[Image]:
    named, platform = overrides.get("image"), overrides.get("platform")
    reference = request.image if named is UNSET or request.image is not None else named.text()
    if reference is None:
        raise RequestError("no image: name one, or give image: in an overrides file")
    requested = request.platform
    if requested is None and platform is not UNSET:
        requested = Platform.parse(platform.text())
    return open_image(
        reference,
        platform=requested or request.machine,
        platform_requested=requested is not None,
        access=request.access,
        workspace=workspace,
        progress=progress,
        limits=request.limits,
    )


def _overrides(request: Request) -> Overrides:
    """What the files say and, above them, the options that have a key's meaning."""
    overrides = load(request.overrides)
    entries = dict(overrides.entries) | stated_maps(request.uid_map, request.gid_map)
    if request.rootless and not {"uid_map", "gid_map"} & entries.keys():
        entries |= caller_maps(*request.caller)
    return replace(overrides, entries=entries)


def _unpack(
    request: Request,
    image: Image,
    root: Path,
    owners: Owners,
    *,
    inventory: Inventory | None = None,
    progress: Progress,
) -> None:
    unpack(
        image.layers,
        root,
        unpacker=request.unpacker,
        owners=owners,
        inventory=inventory,
        progress=progress,
        limits=request.limits,
    )


def _own_name(image: Image) -> str:
    name = default_directory_name(image)
    if name is None:
        raise RequestError("the image has no name to call the bundle by", hint="name the bundle's directory with -o")
    return name


def _givens(request: Request, image: Image, overrides: Overrides, accounts: Accounts) -> Givens:
    named = overrides.get("profile")
    profile = load_profile() if named is UNSET else load_profile(named.plain())
    target = load_target(request.target, overrides)
    return Givens(
        image_config=image.image_config,
        overrides=overrides,
        profile=profile,
        target=target,
        accounts=accounts,
        rootless=request.rootless,
    )


def _read_accounts(tree: Tree) -> Accounts:
    passwd, group = (tree.read_regular(b"etc/" + name, _MAXIMUM_ACCOUNT_FILE) for name in _ACCOUNT_FILES)
    return parse_accounts(passwd, group)


def _sketched_accounts(
    request: Request, image: Image, overrides: Overrides, workspace: Path, progress: Progress
) -> Accounts:
    """The users of an image whose rootfs is not made: only the files that name them are unpacked."""
    user = overrides.get("user")
    user_text = image.image_config.user if user is UNSET else user.text()
    if not needs_lookup(user_text, tuple(node.text() for node in overrides.items("group_add"))):
        return Accounts()
    sketched = workspace / "sketch"
    sketched.mkdir()
    sketch(image.layers, sketched, _ACCOUNT_FILES, progress, request.limits)
    with Tree.open(sketched) as tree:
        return _read_accounts(tree)


def _unpack_mounted_images(
    stage: Stage, bundle_folders: list[BundleFolder], request: Request, owners: Owners, progress: Progress
) -> None:
    """Other images' files that are mounted. A symlink on the way to a mounted folder would lead to the machine."""
    for number, folder in enumerate(folder for folder in bundle_folders if folder.image is not None):
        workspace, path = stage.workspace / f"mounted-{number}", stage.bundle / folder.path
        workspace.mkdir()
        make_folder(path)
        platform = request.platform or request.machine
        with open_image(
            str(folder.image),
            platform=platform,
            platform_requested=request.platform is not None,
            access=request.access,
            workspace=workspace,
            progress=progress,
            limits=request.limits,
        ) as image:
            _unpack(request, image, path, owners, progress=progress)
        with Tree.open(path, owners) as tree:
            for subpath in folder.subpaths:
                _check_subpath(tree, str(folder.image), subpath)


def _check_subpath(tree: Tree, image: str, subpath: str) -> None:
    wanted = clean(os.fsencode(subpath))
    try:
        found: bytes | None = tree.follow(wanted)
    except (OSError, PathError):
        found = None
    if found != wanted:
        name = printable(f"{image}: {subpath}")
        raise ImageError(f"{name} is no directory of that image", hint="name a directory without symlinks on its way")


def _furnish(stage: Stage, tree: Tree, givens: Givens, runtime_config: RuntimeConfig, manifest: str) -> None:
    """Everything in the bundle beside the image's own files."""
    bundle_folders = folders(givens)
    for folder in bundle_folders:
        path = stage.bundle / folder.path
        if folder.image is not None:
            continue  # another image's files
        if folder.seed is None:
            make_folder(path, folder.mode)
        else:
            make_folder(path.parent)
            seed_volume(tree, os.fsencode(folder.seed), path)
    for name, content in generated_files(givens).items():
        write_file(stage.bundle / "etc" / name, content)
    init = chosen_init(givens)
    if init is not None and init.embedded is not None:
        write_file(stage.bundle / init.source, Path(init.embedded).read_bytes(), executable=True)
    config_json = encode(runtime_config.document)
    write_file(stage.bundle / "config.json", config_json)
    recorded = record(givens, runtime_config, config_json, bundle_folders, manifest=manifest)
    write_file(stage.bundle / "bundler.json", encode(recorded))
