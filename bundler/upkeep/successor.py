"""What is to take the place of a bundle: another bundle, a packed one, or one that is built from an image."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.record import part_of
from bundler.bundles.replacement.stage import Stage
from bundler.bundles.rootfs_image import EROFS, has_image
from bundler.errors import ImageError, RequestError, printable
from bundler.kits.kit import BUNDLE, check_kit, is_kit
from bundler.limits import Limits
from bundler.origins import UNSET
from bundler.packing.packed import open_packed
from bundler.packing.unpacked import copy_into, unpack_into
from bundler.progress import Progress
from bundler.request import BuildRequest

Fill = Callable[[Stage], None]
"""What makes the bundle of a stage."""


def finished(new: Path, bundle: Path, limits: Limits, progress: Progress) -> Fill | None:
    """What puts the finished bundle `new` into a stage; None for an image, which has to be built.

    `new` is a bundle's directory, what `pack` has written, or a kit. Raises RequestError for `bundle` itself,
    DifferenceError for a damaged kit.
    """
    file = packed_in(new, limits)
    if file is not None:
        return lambda stage: unpack_into(stage.bundle, file, limits=limits, progress=progress)
    if not (new / "bundler.json").is_file():
        return None
    if new.resolve() == bundle.resolve():
        raise RequestError(f"{printable(str(new))} is the bundle itself")
    return lambda stage: copy_into(stage.bundle, new)


def in_the_same_form(request: BuildRequest, bundle: Bundle) -> BuildRequest:
    """`request`, with a root filesystem of the form that `bundle` has, unless overrides say which. RequestError."""
    node = request.load_overrides().get("rootfs")
    recorded = bundle.record.document
    if not has_image(recorded) or (node is not UNSET and "format" in node.plain()):
        return request
    return replace(request, rootfs=EROFS, verity="verity" in part_of(recorded, "rootfs"))


def packed_in(new: Path, limits: Limits) -> Path | None:
    """The file that a bundle is packed in, if `new` is one or a kit with one. Raises DifferenceError."""
    if new.is_dir() and is_kit(new):
        check_kit(new)
        return new / BUNDLE
    if not new.is_file():
        return None
    try:
        with open_packed(new, limits) as packed:
            is_bundle = packed.first_document() == b"bundler.json"
            no_bundle = packed.no_bundle() if packed.holds_project else None
    except ImageError:
        return None  # an image, perhaps: the build says what is wrong with it
    if no_bundle is not None:
        raise no_bundle
    return new if is_bundle else None
