"""One pass over the bytes of an image's layers, the lowest first: what all unpackers share."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from bundler.archives.entry import FileBatch
from bundler.images.layer import LocalLayer
from bundler.images.layer_entries import LayerEntries, LayerReaders, open_layers
from bundler.images.layer_stream import label_of
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.progress import Meter, Progress
from bundler.rootfs.directories import explain
from bundler.rootfs.home import Home
from bundler.rootfs.unpacking.changeset import Changeset, SelectedChangeset, Selection
from bundler.rootfs.usage import Usage


@dataclass(frozen=True, slots=True)
class LayerPass:
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
def open_pass(
    layers: Sequence[LocalLayer], limits: Limits, progress: Progress, *, step: str = "unpacking", hashed: bool = False
) -> Iterator[LayerPass]:
    with open_layers(layers, limits, hashed=hashed) as readers, measured(layers, progress, step) as meter:
        yield LayerPass(readers, Usage(limits, layers), meter)


def measured(layers: Sequence[LocalLayer], progress: Progress, step: str) -> AbstractContextManager[Meter]:
    """A meter for the stored bytes of all layers."""
    number = "one layer" if len(layers) == 1 else f"{len(layers)} layers"
    return progress.measure(f"{step} {number}", sum(layer.blob.size for layer in layers))


@contextmanager
def explained(where: str) -> Iterator[None]:
    """What fails outside of any entry: opening the root, putting the times of its directories right."""
    try:
        yield
    except OSError as error:
        raise explain(error, where) from error


def apply_all(tree: Home, layers: Sequence[LocalLayer], through: LayerPass, selection: Selection | None) -> None:
    for number, layer in enumerate(layers):
        changeset = changeset_of(tree, layer, selection, lowest=number == 0)
        with through.entries(layer) as entries:
            for entry in entries:
                through.usage.admit(label_of(layer), entry)
                if isinstance(entry, FileBatch):
                    changeset.apply_files(entry, entries.content_at)
                else:
                    changeset.apply(entry, entries.content())


def changeset_of(tree: Home, layer: LocalLayer, selection: Selection | None, *, lowest: bool) -> Changeset:
    """The changeset of `layer`, of all its files or of those selected."""
    if selection is None:
        return Changeset(tree, label_of(layer), lowest=lowest)
    return SelectedChangeset(tree, label_of(layer), lowest=lowest, selection=selection)
