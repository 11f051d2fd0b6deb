"""Layers become a root filesystem: one pass over each layer's bytes, the lowest layer first."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bundler.archives.entry import FileBatch
from bundler.archives.filesystems.erofs_writer import ErofsWriter
from bundler.errors import RequestError
from bundler.images.layer import LocalLayer
from bundler.images.layer_entries import LayerEntries, LayerReaders, open_layers
from bundler.images.layer_stream import StoredContent, label_of
from bundler.limits import DEFAULTS, Limits
from bundler.progress import SILENT, Meter, Progress
from bundler.rootfs.attributes import implied
from bundler.rootfs.changeset import Changeset, SelectedChangeset, Selection
from bundler.rootfs.directories import explain
from bundler.rootfs.home import Home
from bundler.rootfs.image_tree import ImageTree
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.outline import Outline
from bundler.rootfs.owners import Owners, kept
from bundler.rootfs.paths import split
from bundler.rootfs.scan import take_stock
from bundler.rootfs.tree import Tree
from bundler.rootfs.umoci import unpack_with_umoci
from bundler.rootfs.usage import Usage

# What unpack_partially keeps of content that is not asked for yet.
_KEPT: Final = 4 << 20


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
) -> Iterator[ImageTree]:
    """Unpack `layers` into an image of a file system, the new `file`. It is one once the tree was told to `finish`.

    The arguments are those of `unpack`, and so is what it raises; any user can do it.
    """
    with _explained(str(file)):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0):
        tree = ImageTree(ErofsWriter(descriptor), owners, inventory)
        with _passing(layers, limits, progress, hashed=inventory is not None) as through, _explained(str(file)):
            _apply_all(tree, layers, through, selection)
        yield tree


def unpack_partially(
    layers: Sequence[LocalLayer],
    wanted: Collection[bytes],
    *,
    progress: Progress = SILENT,
    limits: Limits = DEFAULTS,
    selection: Selection | None = None,
) -> Outline:
    """What `unpack` would make, in memory: the content of files is read when it is asked for, while `layers` are there.

    That of files with one of the names `wanted` (`b"passwd"`) is most likely to be, and is kept at once, where it is
    not large. Raises what `unpack` raises, for what depends on the layers alone.
    """
    tree = Outline()
    room = _KEPT
    with _passing(layers, limits, progress, step="reading") as through, _explained("the layers"):
        for number, layer in enumerate(layers):
            changeset = _changeset(tree, layer, selection, lowest=number == 0)
            with through.entries(layer) as entries:
                for entry in entries:
                    through.usage.admit(label_of(layer), entry)
                    if isinstance(entry, FileBatch):
                        changeset.apply_files(entry, partial(StoredContent, layer))
                    elif split(entry.name)[1] in wanted and entry.stored_size <= room:
                        room -= entry.stored_size
                        changeset.apply(entry, [bytes(piece) for piece in entries.content()])
                    else:
                        changeset.apply(entry, StoredContent(layer, entry.offset, entry.stored_size))
    return tree


def _changeset(tree: Home, layer: LocalLayer, selection: Selection | None, *, lowest: bool) -> Changeset:
    """The changeset of `layer`, of all its files or of those selected."""
    if selection is None:
        return Changeset(tree, label_of(layer), lowest=lowest)
    return SelectedChangeset(tree, label_of(layer), lowest=lowest, selection=selection)


def _unpack_natively(job: _Job) -> None:
    with (
        _passing(job.layers, job.limits, job.progress, hashed=job.inventory is not None) as through,
        _explained("the root filesystem"),
        Tree(job.root, job.owners, job.inventory) as tree,
    ):
        # What the root has from the machine (owner, umask, default ACL) is not of the image.
        tree.make_directory(b"", implied())
        _apply_all(tree, job.layers, through, job.selection)


def _apply_all(tree: Home, layers: Sequence[LocalLayer], through: "_Pass", selection: Selection | None) -> None:
    for number, layer in enumerate(layers):
        changeset = _changeset(tree, layer, selection, lowest=number == 0)
        with through.entries(layer) as entries:
            for entry in entries:
                through.usage.admit(label_of(layer), entry)
                if isinstance(entry, FileBatch):
                    changeset.apply_files(entry, entries.content_at)
                else:
                    changeset.apply(entry, entries.content())


def _unpack_with_umoci(job: _Job) -> None:
    """Umoci says nothing of what it unpacked, so the tree is read once."""
    if job.selection is not None:
        raise RequestError("umoci unpacks all files of an image", hint="for rootfs: {exclude...} use --unpacker native")
    # What the native unpacker refuses, for what is in the layers, is refused.
    unpack_partially(job.layers, (), progress=job.progress, limits=job.limits)
    with _measured(job.layers, job.progress, "unpacking") as meter:
        unpack_with_umoci(job.layers, job.root, job.owners, meter)
    if job.inventory is not None:
        with _explained("the root filesystem"), Tree(job.root, job.owners.as_they_are()) as tree:
            take_stock(tree, job.inventory)


@dataclass(frozen=True, slots=True)
class _Pass:
    """One way through all layers: who reads them, and what is counted on the way."""

    readers: LayerReaders
    usage: Usage
    meter: Meter

    @contextmanager
    def entries(self, layer: LocalLayer) -> Iterator[LayerEntries]:
        """Those of the next layer, counted and measured."""
        used = self.usage.of_layer(label_of(layer))

        def count(stored: int, size: int) -> None:
            self.meter(stored)
            used(stored, size)

        with self.readers.entries(layer, count) as entries:
            yield entries


@contextmanager
def _passing(
    layers: Sequence[LocalLayer], limits: Limits, progress: Progress, *, step: str = "unpacking", hashed: bool = False
) -> Iterator[_Pass]:
    with open_layers(layers, limits, hashed=hashed) as readers, _measured(layers, progress, step) as meter:
        yield _Pass(readers, Usage(limits, layers), meter)


def _measured(layers: Sequence[LocalLayer], progress: Progress, step: str) -> AbstractContextManager[Meter]:
    """A meter for the stored bytes of all layers."""
    number = "one layer" if len(layers) == 1 else f"{len(layers)} layers"
    return progress.measure(f"{step} {number}", sum(layer.blob.size for layer in layers))


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """What fails outside of any entry: opening the root, putting the times of its directories right."""
    try:
        yield
    except OSError as error:
        raise explain(error, where) from error


UNPACKERS: Final[dict[str, Callable[[_Job], None]]] = {"native": _unpack_natively, "umoci": _unpack_with_umoci}
