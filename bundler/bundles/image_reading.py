"""Reading a bundle's rootfs.erofs without mounting it, so that the kernel never parses an image that was changed."""

from collections.abc import Iterator
from contextlib import contextmanager

from bundler.archives.stream import DamagedError
from bundler.bundles.bundle import Bundle
from bundler.bundles.rootfs_image import IMAGE, has_image
from bundler.errors import ImageError, RequestError
from bundler.input_files import InputError, open_inside
from bundler.rootfs.memory.image_outline import outline_of_image
from bundler.rootfs.memory.outline import Outline


def holds_image(bundle: Bundle) -> bool:
    """Whether the bundle's root filesystem is an image; False without a bundler.json."""
    record = bundle.any_record
    return record is not None and has_image(record.document)


def is_unmounted(bundle: Bundle) -> bool:
    """Whether the files of the rootfs are in an image, and not mounted where they will be."""
    return holds_image(bundle) and not (bundle.path / "rootfs").is_mount()


@contextmanager
def open_image(bundle: Bundle) -> Iterator[int]:
    """The image, as a descriptor. What is read of it in the context raises ImageError if it is damaged.

    Raises RequestError where there is no such file.
    """
    try:
        with open(open_inside(bundle.path / IMAGE), "rb") as stream:  # noqa: PTH123 -- a descriptor
            yield stream.fileno()
    except InputError as error:
        raise RequestError(f"{bundle.label}: {IMAGE} {error}") from None
    except DamagedError as error:
        raise ImageError(f"{bundle.label}: {IMAGE}: {error}") from None


@contextmanager
def open_outline(bundle: Bundle) -> Iterator[Outline]:
    """The files in the image. Raises what open_image does."""
    with open_image(bundle) as descriptor:
        yield outline_of_image(descriptor)
