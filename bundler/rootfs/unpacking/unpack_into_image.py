"""Layers become an image of a file system, which takes no right of the machine's."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from bundler.archives.filesystems.early_writing import EarlyWriting
from bundler.archives.filesystems.erofs_writer import ErofsWriter
from bundler.images.layer import LocalLayer
from bundler.limits import DEFAULTS, Limits
from bundler.progress import SILENT, Progress
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.memory.image_tree import ImageTree
from bundler.rootfs.owners import Owners
from bundler.rootfs.unpacking.changeset import Selection
from bundler.rootfs.unpacking.layer_pass import apply_all, explained, open_pass


@contextmanager
def unpack_into_image(
    layers: Sequence[LocalLayer],
    file: Path,
    *,
    owners: Owners | None = None,
    inventory: Inventory | None = None,
    progress: Progress = SILENT,
    limits: Limits = DEFAULTS,
    selection: Selection | None = None,
    stays: bool = False,
) -> Iterator[ImageTree]:
    """Unpack `layers` into an image of a file system, the new `file`. It is one once the tree was told to `finish`.

    The arguments are those of `unpack`, and so is what it raises; any user can do it. `stays` says that all of the file
    is going to be on its disk.
    """
    with explained(str(file)):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    early = EarlyWriting(descriptor)
    with os.fdopen(descriptor, "r+b", buffering=0), early.working() if stays else nullcontext():
        tree = ImageTree(ErofsWriter(descriptor, early.reached), owners, inventory)
        with open_pass(layers, limits, progress, hashed=inventory is not None) as through, explained(str(file)):
            apply_all(tree, layers, through, selection)
        yield tree
