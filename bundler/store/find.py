"""Where the store is unless the caller says, which of its images a name means, and what it has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bundler.errors import ImageError, RequestError
from bundler.images.descriptor import REF_NAME, Descriptor
from bundler.images.digest import Digest
from bundler.images.image import Image
from bundler.images.manifest import ANY_PLATFORM, PlatformChoice, descend
from bundler.images.media_types import KINDS, Kind
from bundler.images.reference import RegistryReference, is_attached
from bundler.images.transports.layout import read_blob, read_image
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.store import VARIABLE, default_place
from bundler.store.layout import Entry, Store, damaged, is_store, name_in, open_store, reference_of, whole


def place_of(store: Path | None) -> Path:
    """The place that was asked for, else the default one. Raises RequestError if there is none."""
    place = store or default_place()
    if place is None:
        raise RequestError("there is no home directory for the store", hint=f"name one: --store DIR, or {VARIABLE}")
    return place


TRANSPORT: Final = "store"


@contextmanager
def open_kept(
    path: Path, reference: RegistryReference, wanted: PlatformChoice, limits: Limits
) -> Iterator[Image | None]:
    """The image of that name in the store at `path`, None if there is none. Blobs stay for as long as this lasts."""
    if not is_store(path):
        yield None
        return
    with open_store(path, limits=limits) as store:
        entry = find(store, reference, wanted)
        if entry is None:
            yield None
            return
        with whole(store, entry):
            anyway = replace(wanted, requested=False)
            image = read_image(store.files, entry, anyway, transport=TRANSPORT, name=str(reference))
        wanted.check(image.image_config)
        try:
            yield image
        except ImageError as error:
            # What uses the image reads the layers, and may find one to be damaged.
            if any(str(layer.blob.digest) in error.what for layer in image.layers):
                raise damaged(store, entry, error.what) from None
            raise


def find(store: Store, reference: RegistryReference, wanted: PlatformChoice) -> Descriptor | None:
    """The manifest or index that `reference` means, for the wanted platform; None if the store lacks it.

    A digest means what has it, by whatever tag of the repository that was fetched. A manifest without a platform was
    the only one of its name in the registry, and is taken as from there.
    """
    listed = entries_of(store, reference)
    if not any(reference_of(entry) == reference for entry in listed):
        return next(iter(listed), None)
    fits = [entry for entry in listed if _fits(store, entry, wanted)]
    exact = [entry for entry in fits if entry.platform == wanted.platform]
    return next(iter(exact or fits), None)


def entries_of(store: Store, reference: RegistryReference) -> list[Descriptor]:
    """All manifests and indexes that `reference` means, for whichever platforms."""
    named = [entry for entry in store.entries() if KINDS.get(entry.media_type) in (Kind.MANIFEST, Kind.INDEX)]
    listed = [entry for entry in named if reference_of(entry) == reference]
    if reference.digest is None or listed:
        return listed
    tagged = [entry for entry in named if _is_of(entry, reference)]
    return [one for one in _all(store, tagged) if one.digest == reference.digest]


def documents_of(store: Store, entry: Descriptor) -> list[Digest]:
    """The manifests and indexes of an image, all of whose blobs are there. Raises ImageError where one is not."""
    with whole(store, entry):
        list(_images(store, entry))
        return [one.digest for one in _all(store, [entry])]


@dataclass(frozen=True, slots=True)
class Kept:
    """One image of the store: an entry for several platforms is one for each. `size` is that of its layers, in bytes.

    `digest` is what the entry is listed with: that of an index, where it was fetched whole. `blobs` are the digests of
    all that is there of it: documents and layers.
    """

    name: str
    digest: str
    platform: str
    id: str
    size: int
    blobs: tuple[str, ...]


def kept(store: Store) -> Iterator[Kept]:
    """All images of the store, by name. Raises ImageError for one that is damaged."""
    for entry in store.entries():
        if is_attached(reference_of(entry)):
            continue
        with whole(store, entry):
            images = list(_images(store, entry))
        yield from images


def _images(store: Store, entry: Descriptor) -> Iterator[Kept]:
    name = entry.annotation(REF_NAME) or ""
    for manifest in _all(store, [entry]):
        if KINDS[manifest.media_type] is not Kind.MANIFEST:
            continue
        image = read_image(store.files, manifest, ANY_PLATFORM, transport=TRANSPORT, name=name)
        layers = {str(layer.blob.digest): layer.blob.size for layer in image.layers}
        blobs = dict.fromkeys((str(entry.digest), str(manifest.digest), str(image.id), *layers))
        platform = str(image.image_config.platform)
        yield Kept(name, str(entry.digest), platform, str(image.id), sum(layers.values()), tuple(blobs))


def remove(store: Store, references: Sequence[RegistryReference]) -> None:
    """Take names out of the store; their blobs stay until they are collected. Raises ImageError if one is not there."""
    there = {reference_of(entry) for entry in store.entries()}
    for reference in references:
        if reference not in there:
            raise ImageError(f"{reference} is not in the store", hint="bundler images lists what is")
    store.change(lambda entries: _without(entries, references))


def _without(entries: Sequence[Entry], removed: Sequence[RegistryReference]) -> list[Entry]:
    """The entries without those of these names, and without what is attached to the last image of a repository."""
    left = [(entry, name) for entry in entries if (name := _name_of(entry)) not in removed]
    in_use = {name.repository for _, name in left if name is not None and not is_attached(name)}
    emptied = {name.repository for name in removed} - in_use
    return [entry for entry, name in left if name is None or name.repository not in emptied]


def _name_of(entry: Entry) -> RegistryReference | None:
    return RegistryReference.find(str(name_in(entry)))


def _is_of(entry: Descriptor, reference: RegistryReference) -> bool:
    named = reference_of(entry)
    return named is not None and named.repository == reference.repository


def _all(store: Store, entries: Sequence[Descriptor]) -> Iterator[Descriptor]:
    """`entries` and what their indexes hold, as far as it is there."""
    return descend(entries, lambda one: read_blob(store.files, one), store.has)


def _fits(store: Store, entry: Descriptor, wanted: PlatformChoice) -> bool:
    if KINDS[entry.media_type] is Kind.INDEX:
        with whole(store, entry):
            stated = [one.platform for one in _all(store, [entry]) if KINDS[one.media_type] is Kind.MANIFEST]
        return any(platform is None or wanted.platform.accepts(platform) for platform in stated)
    return entry.platform is None or wanted.platform.accepts(entry.platform)
