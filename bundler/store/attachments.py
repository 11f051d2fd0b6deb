"""Fetching what is attached to an image from its registry.

If a signature is demanded, the registry is asked for each name that it may have, and failures are errors. If none is,
the repository's tags are listed, once, and attachments among them are fetched; a registry that lists no tags is taken
to have no attachments.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bundler.errors import ImageError, ToolError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.image import read_document
from bundler.images.media_types import OCI_INDEX, OCI_MANIFEST
from bundler.images.transports import directory
from bundler.images.transports.access import persist
from bundler.images.transports.files import open_folder
from bundler.images.transports.layout import read_blob
from bundler.images.transports.registry import Repository
from bundler.images.transports.skopeo import IMAGE, Skopeo
from bundler.images.transports.skopeo_failures import MissingError
from bundler.light_dataclasses import dataclass
from bundler.limits import raise_hint
from bundler.sizes import readable_size
from bundler.store.attached import INDEX, STATEMENTS, SUFFIXES, attached_name, contents_of, layers_of, manifests_in
from bundler.store.layout import Entry, Store, entry_of, gives_way
from bundler.trust.image_signatures import Attached

_DOCUMENTS: Final = 16  # as large as one may be: so much is attached to an image at the most, as it is all in memory
_PATIENCE: Final = 15  # seconds that a list of tags is waited for, which nothing depends on


@dataclass(frozen=True, slots=True)
class Attachments:
    """What is attached to one digest: the documents and blobs, each by its digest, the entries that list them, and what
    they hold.
    """

    blobs: dict[Digest, bytes]
    entries: list[Entry]
    attached: list[Attached]

    def add(self, other: "Attachments") -> None:
        """Add what `other` has."""
        self.blobs.update(other.blobs)
        self.entries.extend(other.entries)
        self.attached.extend(other.attached)

    def keep(self, store: Store) -> None:
        """Add them to the store, each in the place of what was attached under its name before."""
        if not self.entries:
            return
        for digest, content in self.blobs.items():
            store.put(content, digest)
        store.add(*self.entries, replaces=gives_way)


def fetch_attachments(repository: Repository, digests: Sequence[Digest], store: Store) -> Attachments:
    """All that is attached to the manifests and indexes `digests` in their registry, where a signature is demanded.

    Statements beside the signatures, which nothing is demanded of, may fail to come. Raises ImageError, ToolError.
    """
    found = Attachments({}, [], [])
    for digest in digests:
        for suffix in SUFFIXES:
            try:
                _bring(repository, digest, suffix, store, found)
            except MissingError:
                continue
            except ImageError as error:
                if suffix != STATEMENTS:
                    raise
                _tell(repository, error)
    return found


def fetch_listed(
    repository: Repository, digests: Sequence[Digest], store: Store, index: bytes | None = None
) -> Attachments:
    """What of it is among the repository's tags; `index` is the first of the digests, that the image was chosen from.

    It is kept only if something is attached to it.
    """
    found = Attachments({}, [], [])
    tags = _tags(repository)
    for number, digest in enumerate(digests):
        for suffix in SUFFIXES:
            if attached_name(repository.reference, digest, suffix).tag not in tags:
                continue
            try:
                _bring(repository, digest, suffix, store, found)
            except (ImageError, ToolError) as error:
                _tell(repository, error)
        if number == 0 and index is not None and found.entries:
            found = with_index(found, repository, index, digest)
    return found


def _tags(repository: Repository) -> frozenset[str]:
    """None of them where the registry does not tell, which many do only for those who are logged in."""
    access = repository.skopeo.access
    hasty = replace(access, retries=0, timeout=min(access.timeout, _PATIENCE), report=lambda _sentence: None)
    try:
        return Skopeo(hasty, repository.skopeo.limits).tags(f"docker://{repository.reference.repository}")
    except (ImageError, ToolError):
        return frozenset()


def _tell(repository: Repository, error: ImageError | ToolError) -> None:
    repository.skopeo.access.report(f"something is attached to {repository.reference} that stays there: {error.what}")


def _bring(repository: Repository, digest: Digest, suffix: str, store: Store, found: Attachments) -> None:
    """Add to `found` what is attached to `digest` under the name with `suffix`. Raises ImageError, ToolError."""

    def read(descriptor: Descriptor) -> bytes:
        return read_blob(store.files, descriptor) if store.holds(descriptor) else repository.read(descriptor)

    name = attached_name(repository.reference, digest, suffix)
    raw, of_tag = Repository(repository.skopeo, name).resolve()
    is_index = parse_document(raw, f"document {of_tag}").find("manifests") is not None
    brought = Attachments(
        {of_tag: raw}, [entry_of(raw, of_tag, OCI_INDEX if is_index else OCI_MANIFEST, str(name))], []
    )
    for manifest, content in manifests_in(raw, of_tag, digest, read):
        brought.blobs[manifest] = content
        layers = layers_of(content, manifest)
        _check_room(repository, (found, brought), layers)
        brought.blobs.update(_copied(repository, manifest, layers, store))
        brought.attached.extend(contents_of(content, manifest, lambda layer: brought.blobs[layer.digest]))
    found.add(brought)


def with_index(found: Attachments, repository: Repository, raw: bytes, digest: Digest) -> Attachments:
    """The same, with the index that the image was chosen from: a signature may be over that."""
    entry = entry_of(raw, digest, OCI_INDEX, str(attached_name(repository.reference, digest, INDEX)))
    return Attachments(found.blobs | {digest: raw}, [*found.entries, entry], found.attached)


def _check_room(repository: Repository, taken: Sequence[Attachments], layers: Sequence[Descriptor]) -> None:
    """Raise ImageError for more than an image's signatures and statements are."""
    most = _DOCUMENTS * repository.skopeo.limits.document_size
    held = sum(len(content) for attachments in taken for content in attachments.blobs.values())
    if held + sum(layer.size for layer in layers) > most:
        what = f"more than {readable_size(most)} are attached to it"
        raise ImageError(f"{repository.reference}: {what}", hint=raise_hint("document_size"))


def _copied(
    repository: Repository, manifest: Digest, layers: Sequence[Descriptor], store: Store
) -> dict[Digest, bytes]:
    """The layers' contents; nothing is asked for if the store has them all. Raises ImageError, ToolError.

    The signature policy is not asked: what is attached is no image that could run, and may itself be the signature that
    the policy wants.
    """
    limit = repository.skopeo.limits.document_size
    if any(layer.size > limit for layer in layers):
        raise ImageError(f"{repository.reference}: {manifest} is attached to it, and larger than a document may be")
    if all(map(store.holds, layers)):
        return {one.digest: read_blob(store.files, one) for one in layers}
    unasked = replace(repository.skopeo, asks_policy=False)

    def copy() -> dict[Digest, bytes]:
        with TemporaryDirectory() as folder:
            unasked.copy_image(repository.pinned(manifest), Path(folder), layers, lambda _count: None)
            with open_folder(Path(folder, IMAGE), unasked.limits) as files:
                return {one.digest: read_document(files, directory.blob_name(one.digest), one) for one in layers}

    return persist(unasked.access, copy)
