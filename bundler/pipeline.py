"""The pipeline: an image, overrides and defaults become a bundle, whole or not at all."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.replacement.rules import OldVolumes, carried_folders, check_destination
from bundler.bundles.replacement.stage import Stage, open_stage
from bundler.bundles.rootfs_sharing import open_source, share_image
from bundler.conversion.convert import ConvertedConfig
from bundler.conversion.id_mappings import ranges
from bundler.conversion.mounts.mounts import folders
from bundler.conversion.rule import Inputs
from bundler.errors import RequestError
from bundler.filling import Draft, fill
from bundler.images.image import Image
from bundler.images.reference import default_directory_name
from bundler.light_dataclasses import dataclass
from bundler.overrides.load import Overrides
from bundler.progress import SILENT, Progress
from bundler.repack.umoci import check_known
from bundler.reproducible.lock import describe
from bundler.request import BuildRequest
from bundler.rootfs.owners import choose_owners
from bundler.rootfs.remove import temporary_folder


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
    check: Callable[[Stage], None] = lambda _stage: None,
    before_publishing: Callable[[], None] = lambda: None,
) -> Built:
    """Make the bundle (runtime-spec bundle.md) at `output`, whole or not at all.

    Without `output` it gets the image's own name, in the current folder. With `replace`, a bundle that is there is
    replaced; `volumes` says what becomes of the data in it. With `link_from`, the root filesystem is an image, and if
    that is the one of the bundle there, the disk has it once. `check` is told when all is made, and `before_publishing`
    when nothing is left to do but the one step that makes the bundle appear; what they raise undoes the build.

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
        check(stage)
        stage.publish(
            destination,
            replace=replace,
            carried=lambda: carried_folders(destination, stage.bundle, volumes),
            before=before_publishing,
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
    draft = Draft(stage.bundle, stage.workspace, inputs)
    (runtime_config,) = fill([draft], request, image, owners=owners, progress=progress)
    return Built(destination, image, inputs, runtime_config, owners.skipped)


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
        return describe(inputs, opened, request.trust)


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
