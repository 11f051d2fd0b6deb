"""Layers become a directory, the root filesystem: one pass over each layer's bytes, the lowest layer first."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bundler.errors import RequestError
from bundler.images.layer import LocalLayer
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.progress import SILENT, Progress
from bundler.rootfs.attributes import implied
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.owners import Owners, kept
from bundler.rootfs.scan import take_stock
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.changeset import Selection
from bundler.rootfs.unpacking.layer_pass import apply_all, explained, measured, open_pass
from bundler.rootfs.unpacking.umoci import unpack_with_umoci
from bundler.rootfs.unpacking.unpack_partially import unpack_partially


def unpack(
    layers: Sequence[LocalLayer],
    root: Path,
    *,
    unpacker: str = "native",
    owners: Owners | None = None,
    inventory: Inventory | None = None,
    progress: Progress = SILENT,
    limits: Limits = DEFAULTS,
    selection: Selection | None = None,
) -> None:
    """Unpack `layers` into the empty directory `root`, whose parent no other user can enter.

    `unpacker` is a key of UNPACKERS. `owners` says what becomes of owners (None: they are kept); `inventory` is told
    what `root` then holds; `selection` leaves some of the files out. Raises ImageError for a layer that is not what
    the image states, LayerError for one that cannot be applied safely or within `limits`, BundlerError where the
    machine is the reason; `root` then holds some of it.
    """
    UNPACKERS[unpacker](_Job(layers, root, owners or kept(), inventory, progress, limits, selection))


@dataclass(frozen=True, slots=True)
class _Job:
    """What an unpacker is given: the arguments of `unpack`."""

    layers: Sequence[LocalLayer]
    root: Path
    owners: Owners
    inventory: Inventory | None
    progress: Progress
    limits: Limits
    selection: Selection | None


def _unpack_natively(job: _Job) -> None:
    with (
        open_pass(job.layers, job.limits, job.progress, hashed=job.inventory is not None) as through,
        explained("the root filesystem"),
        Tree(job.root, job.owners, job.inventory) as tree,
    ):
        # What the root has from the machine (owner, umask, default ACL) is not of the image.
        tree.make_directory(b"", implied())
        apply_all(tree, job.layers, through, job.selection)


def _unpack_with_umoci(job: _Job) -> None:
    """Umoci says nothing of what it unpacked, so the tree is read once."""
    if job.selection is not None:
        raise RequestError("umoci unpacks all files of an image", hint="for rootfs: {exclude...} use --unpacker native")
    # What the native unpacker refuses, for what is in the layers, is refused.
    unpack_partially(job.layers, (), progress=job.progress, limits=job.limits)
    with measured(job.layers, job.progress, "unpacking") as meter:
        unpack_with_umoci(job.layers, job.root, job.owners, meter)
    if job.inventory is not None:
        with explained("the root filesystem"), Tree(job.root, job.owners.as_they_are()) as tree:
            take_stock(tree, job.inventory)


UNPACKERS: Final[dict[str, Callable[[_Job], None]]] = {"native": _unpack_natively, "umoci": _unpack_with_umoci}
