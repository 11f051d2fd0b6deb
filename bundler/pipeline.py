"""The pipeline: an image, overrides and defaults become a bundle, whole or not at all."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.contents import make_folders, mount_images, write_documents, write_images_manifest
from bundler.bundles.image_sharing import open_source, share_image
from bundler.bundles.mount_points import make_inside, make_mount_points
from bundler.bundles.replacing import OldVolumes, carried_folders, check_destination
from bundler.bundles.rootfs_image import IMAGE, RootfsImage, finish_image
from bundler.bundles.stage import Stage, open_stage
from bundler.bundles.write import chown_to_container_root, set_epoch_times
from bundler.conversion.convert import ConvertedConfig, convert
from bundler.conversion.id_mappings import ranges
from bundler.conversion.mounts.mount_points import mounted, nodes
from bundler.conversion.mounts.mounts import folders
from bundler.conversion.rule import Inputs
from bundler.dry_run import read_accounts
from bundler.errors import RequestError
from bundler.images.image import Image
from bundler.images.reference import default_directory_name
from bundler.light_dataclasses import dataclass
from bundler.overrides.load import Overrides
from bundler.progress import SILENT, Progress
from bundler.repack.umoci import check_known, write_metadata
from bundler.reproducible.lock import describe
from bundler.request import BuildRequest, ImageForm
from bundler.rootfs.changeset import Selection
from bundler.rootfs.home import Home
from bundler.rootfs.image_tree import ImageTree
from bundler.rootfs.inventory import Inventory, write_manifest
from bundler.rootfs.owners import Owners, choose_owners, choose_owners_in_image, choose_owners_of_copies
from bundler.rootfs.remove import temporary_folder
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpack import unpack
from bundler.rootfs.unpack_into_image import unpack_into_image


@dataclass(frozen=True, slots=True)
class Built:
    """A finished bundle at `path`, the image it was made from, what decided its config.json, and what that says.

    `skipped` counts what of the image an ordinary user could not make, by what it is. `unshared` says why its image is
    a file of its own, where it was to be another bundle's.
    """

    path: Path
    image: Image
    inputs: Inputs
    runtime_config: ConvertedConfig
    skipped: Mapping[str, int]
    unshared: str = ""


def build(
    request: BuildRequest,
    output: Path | None = None,
    *,
    replace: bool = False,
    volumes: OldVolumes = OldVolumes.REFUSED,
    link_from: Path | None = None,
    progress: Progress = SILENT,
    before_publishing: Callable[[Stage], None] = lambda _stage: None,
) -> Built:
    """Make the bundle (runtime-spec bundle.md) at `output`, whole or not at all.

    Without `output` it gets the image's own name, in the current folder. With `replace`, a bundle that is there is
    replaced; `volumes` says what becomes of the data in it. With `link_from`, the root filesystem is an image, and if
    that is the one of the bundle there, the disk has it once. `before_publishing` is called when nothing is left to do
    but the one step that makes the bundle appear; what it raises undoes the build.

    Raises RequestError for a request or overrides that make no sense, ImageError for an image that is missing or
    corrupt, LayerError for a layer that cannot be applied safely, ToolError for a program that is missing or failed,
    DifferenceError for what the lock does not allow, BundlerError where the machine is the reason (a full disk).
    """
    overrides = request.load_overrides()
    source = None if link_from is None else _source(link_from, request, overrides)
    if output is not None:
        check_destination(output, replace=replace, volumes=volumes)
    with (
        open_stage(output.parent if output else Path()) as stage,
        request.open(overrides, stage.workspace, progress, unpacked=True) as image,
    ):
        destination = output or Path(_own_name(image))
        check_destination(destination, replace=replace, volumes=volumes)
        built = _make(stage, request, image, overrides, destination=destination, progress=progress)
        if source is not None:
            built = dataclasses.replace(built, unshared=share_image(Bundle(stage.bundle), source))
        stage.publish(
            destination,
            replace=replace,
            carried=lambda: carried_folders(destination, stage.bundle, volumes),
            before=lambda: before_publishing(stage),
        )
    return built


def _source(bundle: Path, request: BuildRequest, overrides: Overrides) -> Bundle:
    """The bundle whose image is to be shared. Raises RequestError."""
    if request.image_form(overrides) is None:
        raise RequestError("--link-from is about an image", hint="--rootfs erofs makes the root filesystem one")
    return open_source(bundle)


def build_from(
    image: Image,
    request: BuildRequest,
    overrides: Overrides,
    output: Path,
    *,
    before_publishing: Callable[[Stage], None] = lambda _stage: None,
    progress: Progress = SILENT,
) -> Built:
    """Make the bundle of `request` at `output`, where nothing is, from what was opened of it already."""
    with open_stage(output.parent) as stage:
        built = _make(stage, request, image, overrides, destination=output, progress=progress)
        before_publishing(stage)
        stage.publish(output, replace=False)
    return built


def make(stage: Stage, request: BuildRequest, destination: Path, *, progress: Progress = SILENT) -> Built:
    """Make the bundle of the stage, which is to become `destination`."""
    overrides = request.load_overrides()
    with request.open(overrides, stage.workspace, progress, unpacked=True) as image:
        return _make(stage, request, image, overrides, destination=destination, progress=progress)


def _make(
    stage: Stage, request: BuildRequest, image: Image, overrides: Overrides, *, destination: Path, progress: Progress
) -> Built:
    inputs = request.inputs(image, overrides)
    if request.lock is not None:
        request.lock.check_givens(inputs)
    if request.umoci_metadata:
        check_known(image)
    owners = choose_owners(ranges(inputs), rootless=request.rootless)
    runtime_config = _fill(stage, request, image, inputs, owners=owners, progress=progress)
    return Built(destination, image, inputs, runtime_config, owners.skipped)


@dataclass(frozen=True, slots=True)
class _Unpacking:
    """How the images of a request are unpacked: `owners` hold on the disk, `inside` in an image of a rootfs."""

    request: BuildRequest
    owners: Owners
    inside: Owners
    progress: Progress

    def unpack(
        self, image: Image, path: Path, inventory: Inventory | None = None, selection: Selection | None = None
    ) -> None:
        """Into the empty directory `path`."""
        with image.local(self.progress) as layers:
            unpack(
                layers,
                path,
                unpacker=self.request.unpacker,
                owners=self.owners,
                inventory=inventory,
                progress=self.progress,
                limits=self.request.limits,
                selection=selection,
            )

    @contextmanager
    def rootfs(self, image: Image, bundle: Path, inventory: Inventory, overrides: Overrides) -> Iterator[Home]:
        """The bundle's root filesystem, unpacked and open: a directory, or an ImageTree that is not finished."""
        selection = self.request.selection(overrides)
        if self.request.image_form(overrides) is None:
            rootfs = bundle / "rootfs"
            rootfs.mkdir()
            self.unpack(image, rootfs, inventory, selection)
            with Tree.open(rootfs, self.owners, inventory) as tree:
                yield tree
            return
        with (
            image.local(self.progress) as layers,
            unpack_into_image(
                layers,
                bundle / IMAGE,
                owners=self.inside,
                inventory=inventory,
                progress=self.progress,
                limits=self.request.limits,
                selection=selection,
            ) as image_tree,
        ):
            yield image_tree


def _fill(
    stage: Stage, request: BuildRequest, image: Image, inputs: Inputs, *, owners: Owners, progress: Progress
) -> ConvertedConfig:
    """Everything of the bundle: the rootfs and its manifest, volumes and mounted images, the documents."""
    inside = choose_owners_in_image(owners, ranges(inputs))
    bundle, unpacking = stage.bundle, _Unpacking(request, owners, inside, progress)
    form = request.image_form(inputs.overrides)
    with (
        Inventory(stage.workspace, owned=not request.rootless) as inventory,
        unpacking.rootfs(image, bundle, inventory, inputs.overrides) as tree,
    ):
        inputs = dataclasses.replace(inputs, accounts=read_accounts(tree))
        runtime_config = convert(inputs)
        tree.make_working_directory(os.fsencode(runtime_config.working_directory))
        points = make_mount_points(tree, mounted(inputs, runtime_config), nodes(runtime_config))
        make_folders(bundle, tree, folders(inputs), _owners_of_volumes(tree))
        with _finished(tree, bundle, form) as measured:
            manifest = write_manifest(inventory, bundle / "rootfs.mtree")
            rootfs_image = measured()
    mount_images(
        stage,
        folders(inputs),
        lambda reference, workspace: request.open_other(
            reference, request.platform, workspace, progress, unpacked=True
        ),
        unpacking.unpack,
        owners,
    )
    make_inside(bundle, points, owners)
    more = write_images_manifest(stage, owners, owned=not request.rootless)
    if request.umoci_metadata:
        more |= write_metadata(bundle, image, owners.maps, rootless=request.rootless)
    write_documents(
        bundle,
        inputs,
        runtime_config,
        folders(inputs),
        points.made,
        owners=owners,
        manifest=manifest,
        more=more,
        image=rootfs_image,
    )
    set_epoch_times(bundle)
    if owners.maps:
        empty = [folder.path for folder in folders(inputs) if folder.seed is None and folder.image is None]
        chown_to_container_root(bundle, empty, *(shifts.shift(0) for shifts in owners.maps))
    return runtime_config


def _owners_of_volumes(tree: Home) -> Owners:
    """What becomes of owners where files of the root filesystem are copied into a volume, which is on the disk."""
    if isinstance(tree, ImageTree):
        return choose_owners_of_copies(tree.owners, privileged=os.geteuid() == 0)
    return tree.owners.as_they_are()


def _finished(
    tree: Home, bundle: Path, form: ImageForm | None
) -> AbstractContextManager[Callable[[], RootfsImage | None]]:
    """What finish_image gives, where the rootfs is an image."""
    if form is not None and isinstance(tree, ImageTree):
        return finish_image(tree, bundle, verity=form.verity)
    return nullcontext(lambda: None)


def describe_lock(request: BuildRequest, images: Sequence[str] = (), *, progress: Progress = SILENT) -> bytes:
    """The content of a lock for builds of `images`, without any for the request's own, and of what overrides mount.

    Layers are not fetched. With a lock, the request is held to that one. Raises what `inspect` raises.
    """
    opened: list[Image] = []
    request = dataclasses.replace(request, opened=opened.append)
    overrides = request.load_overrides()
    with ExitStack() as stack:
        for name in images or (request.image,):
            workspace = stack.enter_context(temporary_folder())
            image = stack.enter_context(dataclasses.replace(request, image=name).open(overrides, workspace, progress))
            open_mounted(stack, request, request.inputs(image, overrides), progress)
        # But for the image, the inputs are the same each time.
        inputs = request.inputs(opened[0], overrides)
        if request.lock is not None:
            request.lock.check_givens(inputs)
        return describe(inputs, opened)


def open_mounted(stack: ExitStack, request: BuildRequest, inputs: Inputs, progress: Progress) -> list[Image]:
    """The images that overrides mount, each open for as long as `stack` is."""
    opened = []
    for folder in folders(inputs):
        if folder.image is not None:
            workspace = stack.enter_context(temporary_folder())
            opened.append(stack.enter_context(request.open_other(folder.image, request.platform, workspace, progress)))
    return opened


def _own_name(image: Image) -> str:
    name = default_directory_name(image)
    if name is None:
        raise RequestError("the image has no name to call the bundle by", hint="name the bundle's directory with -o")
    return name
