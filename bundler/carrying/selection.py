"""The selection of an export: entries of index.json and blobs, of images by name and of their attachments."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bundler.errors import ImageError
from bundler.images.descriptor import REF_NAME, Descriptor, descriptor_document
from bundler.images.digest import Digest
from bundler.images.reference import RegistryReference, is_attached
from bundler.images.transports.layout import FULL_NAME
from bundler.light_dataclasses import dataclass
from bundler.store.attached import Listed
from bundler.store.find import documents_of, entries_of
from bundler.store.layout import Entry, Store, order_of, platform_document, whole
from bundler.store.reach import reached


@dataclass(frozen=True, slots=True)
class Selection:
    """What is exported: `entries` of index.json, sorted by name; `blobs`, sorted by digest, each with the first entry
    that leads to it; and the `images` by name and digest.
    """

    entries: tuple[Entry, ...]
    blobs: tuple[tuple[Descriptor, Descriptor], ...]
    images: tuple[tuple[str, str], ...]


def select(store: Store, references: Sequence[RegistryReference]) -> Selection:
    """Select images by their references. Raises ImageError for one that is not in the store, or not whole."""
    listed = Listed.of(store)
    entries: list[Descriptor] = []
    images: set[tuple[str, str]] = set()
    for reference in references:
        for image in _images(store, reference):
            attached = listed.attached_to(reference.repository, documents_of(store, image))
            entries += [image, *attached]
            images.add((str(image.annotation(REF_NAME)), str(image.digest)))
    distinct = {(one.annotation(REF_NAME), one.platform, one.digest): one for one in entries}.values()
    return Selection(
        tuple(sorted(map(_listed, distinct), key=order_of)),
        tuple(sorted(_blobs(store, distinct), key=lambda pair: pair[0].digest)),
        tuple(sorted(images)),
    )


def _images(store: Store, reference: RegistryReference) -> Iterator[Descriptor]:
    """The entries of one reference, with the names that they get in the file."""
    entries = [] if is_attached(reference) else entries_of(store, reference)
    if not entries:
        hint = f"bundler images lists what is; bundler fetch {reference} brings it"
        raise ImageError(f"{reference} is not in the store", hint=hint)
    for entry in entries:
        # What was chosen out of an index by its digest has the index's, which does not go along.
        name = reference if reference.digest is None else reference.pinned(entry.digest)
        yield replace(entry, annotations=((REF_NAME, str(name)),))


def _listed(entry: Descriptor) -> Entry:
    """With the name that containerd reads, too."""
    listed: Entry = descriptor_document(entry.media_type, entry.digest, entry.size)
    if entry.platform is not None:
        listed["platform"] = platform_document(entry.platform)
    name = entry.annotation(REF_NAME)
    return listed | {"annotations": {FULL_NAME: name, REF_NAME: name}}


def _blobs(store: Store, entries: Iterable[Descriptor]) -> Iterator[tuple[Descriptor, Descriptor]]:
    passed: set[Digest] = set()
    for entry in entries:
        with whole(store, entry):
            blobs = list(reached(store.files, entry, lambda one: one.digest not in passed and store.has(one)))
        passed.update(one.digest for one in blobs)
        yield from ((one, entry) for one in blobs)
