"""What is attached to an image, brought along from its registry."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.image import read_document
from bundler.images.media_types import OCI_INDEX, OCI_MANIFEST
from bundler.images.transports import directory
from bundler.images.transports.access import persist
from bundler.images.transports.files import open_folder
from bundler.images.transports.registry import Repository
from bundler.images.transports.skopeo import IMAGE
from bundler.images.transports.skopeo_failures import MissingError
from bundler.light_dataclasses import dataclass
from bundler.store.attached import INDEX, SUFFIXES, attached_name, contents_of, layers_of, manifests_in
from bundler.store.layout import Entry, Store, entry_of
from bundler.trust.image_signatures import Attached


@dataclass(frozen=True, slots=True)
class Attachments:
    """What is attached to one digest: the documents and blobs, each by its digest, the entries that list them, and what
    they hold.
    """

    blobs: dict[Digest, bytes]
    entries: list[Entry]
    attached: list[Attached]

    def keep(self, store: Store) -> None:
        """Add them to the store."""
        for digest, content in self.blobs.items():
            store.put(content, digest)
        for entry in self.entries:
            store.add(entry, lambda old, new=entry: old.get("annotations") == new["annotations"])  # type: ignore[misc]


def fetch_attachments(repository: Repository, digests: Sequence[Digest]) -> Attachments:
    """All that is attached to the manifests and indexes `digests` in their registry. Raises ImageError, ToolError."""
    found = Attachments({}, [], [])
    for digest in digests:
        for suffix in SUFFIXES:
            name = attached_name(repository.reference, digest, suffix)
            try:
                raw, of_tag = Repository(repository.skopeo, name).resolve()
            except MissingError:
                continue
            found.blobs[of_tag] = raw
            is_index = parse_document(raw, f"document {of_tag}").find("manifests") is not None
            found.entries.append(entry_of(raw, of_tag, OCI_INDEX if is_index else OCI_MANIFEST, str(name)))
            for manifest, content in manifests_in(raw, of_tag, digest, repository.read):
                found.blobs[manifest] = content
                blobs = _copied(repository, manifest, layers_of(content, manifest))
                found.blobs.update(blobs)
                found.attached.extend(contents_of(content, manifest, lambda one, there=blobs: there[one.digest]))  # type: ignore[misc]
    return found


def with_index(found: Attachments, repository: Repository, raw: bytes, digest: Digest) -> Attachments:
    """The same, with the index that the image was chosen from: a signature may be over that."""
    entry = entry_of(raw, digest, OCI_INDEX, str(attached_name(repository.reference, digest, INDEX)))
    return Attachments(found.blobs | {digest: raw}, [*found.entries, entry], found.attached)


def _copied(repository: Repository, manifest: Digest, layers: Sequence[Descriptor]) -> dict[Digest, bytes]:
    """The layers' contents. Raises ImageError, ToolError."""
    limit = repository.skopeo.limits.document_size
    if any(layer.size > limit for layer in layers):
        raise ImageError(f"{repository.reference}: {manifest} is attached to it, and larger than a document may be")

    def copy() -> dict[Digest, bytes]:
        with TemporaryDirectory() as folder:
            repository.skopeo.copy_image(repository.pinned(manifest), Path(folder), layers, lambda _count: None)
            with open_folder(Path(folder, IMAGE), repository.skopeo.limits) as files:
                return {one.digest: read_document(files, directory.blob_name(one.digest), one) for one in layers}

    return persist(repository.skopeo.access, copy)
