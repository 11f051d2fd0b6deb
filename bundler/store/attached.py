"""What is attached to an image: signatures and statements, which come from the registry with it and stay beside it.

cosign 2 attaches them as the image REPOSITORY:sha256-DIGEST.sig (and .att), cosign 3 as manifests with a `subject`,
which registries without an interface for that list in the index REPOSITORY:sha256-DIGEST (distribution-spec, referrers
tag schema). In the store they have these names, too. There, REPOSITORY:sha256-DIGEST.index is an index that an image
was chosen from.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bundler.errors import DifferenceError, ImageError
from bundler.images.descriptor import Descriptor, parse_any_descriptor
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.image import read_document
from bundler.images.manifest import parse_index
from bundler.images.media_types import OCI_INDEX, OCI_MANIFEST
from bundler.images.reference import RegistryReference
from bundler.images.transports import directory
from bundler.images.transports.access import persist
from bundler.images.transports.files import open_folder
from bundler.images.transports.layout import read_blob
from bundler.images.transports.registry import Repository
from bundler.images.transports.skopeo import IMAGE
from bundler.images.transports.skopeo_failures import MissingError
from bundler.light_dataclasses import dataclass
from bundler.store.layout import Entry, Store, entry_of, reference_of
from bundler.trust.encoding import ForgedError
from bundler.trust.image_keys import ImageKey
from bundler.trust.image_signatures import MOST, Attached, SignedImage, verify_image
from bundler.trust.policy import Policy
from bundler.trust.simple_signing import SIGNATURE

_TAG: Final = re.compile(r"sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{128})(?:\.(?:sig|att|index))?")
_SUFFIXES: Final = (".sig", ".att", "")
_INDEX: Final = ".index"
ReadBlob = Callable[[Descriptor], bytes]


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


def is_attached(reference: RegistryReference | None) -> bool:
    """Whether it is the name of what is attached to an image, and of no image."""
    return reference is not None and reference.tag is not None and _TAG.fullmatch(reference.tag) is not None


def fetch_attachments(repository: Repository, digests: Sequence[Digest]) -> Attachments:
    """All that is attached to the manifests and indexes `digests` in their registry. Raises ImageError, ToolError."""
    found = Attachments({}, [], [])
    for digest in digests:
        for suffix in _SUFFIXES:
            name = _named(repository.reference, digest, suffix)
            try:
                raw, of_tag = Repository(repository.skopeo, name).resolve()
            except MissingError:
                continue
            found.blobs[of_tag] = raw
            is_index = parse_document(raw, f"document {of_tag}").find("manifests") is not None
            found.entries.append(entry_of(raw, of_tag, OCI_INDEX if is_index else OCI_MANIFEST, str(name)))
            for manifest, content in _manifests(raw, of_tag, digest, repository.read):
                found.blobs[manifest] = content
                blobs = _copied(repository, manifest, _layers(content, manifest))
                found.blobs.update(blobs)
                found.attached.extend(_contents(content, manifest, lambda one, there=blobs: there[one.digest]))  # type: ignore[misc]
    return found


def with_index(found: Attachments, repository: Repository, raw: bytes, digest: Digest) -> Attachments:
    """The same, with the index that the image was chosen from: a signature may be over that."""
    entry = entry_of(raw, digest, OCI_INDEX, str(_named(repository.reference, digest, _INDEX)))
    return Attachments(found.blobs | {digest: raw}, [*found.entries, entry], found.attached)


def trusted_keys(trust: Policy, reference: RegistryReference | None) -> tuple[ImageKey, ...]:
    """The keys, of which one must have signed the image; none where no signature is wanted. Raises DifferenceError.

    What a file calls an image, whoever wrote the file has chosen: to a policy it has no name.
    """
    try:
        return trust.keys_for("" if reference is None else reference.repository)
    except ForgedError as error:
        name = "an image that has no name in a registry" if reference is None else str(reference)
        raise DifferenceError(f"{name} {error}", hint="the policy says which images may be used") from None


def verify_kept(store: Store, reference: RegistryReference, manifest: Digest, keys: Sequence[ImageKey]) -> SignedImage:
    """Raise DifferenceError unless one of the keys has signed the image of the store, or an index that lists it."""
    try:
        digests = [manifest, *_indexes(store, reference, manifest)]
        attached = [each for digest in digests for each in _kept(store, reference, digest)]
    except ImageError as error:
        what = f"{reference}: what is attached to it is damaged: {error.what}"
        raise DifferenceError(what, hint="bundler fetch --verify-key brings it along again") from None
    return verify(str(reference), attached, keys, digests)


def verify(name: str, attached: Sequence[Attached], keys: Sequence[ImageKey], digests: Sequence[Digest]) -> SignedImage:
    """Raise DifferenceError, about the image `name`, unless one of the keys has signed one of the digests."""
    try:
        return verify_image(attached, keys, list(map(str, digests)))
    except ForgedError as error:
        hint = "bundler fetch --verify-key brings along what is attached; do not use it unless you know why"
        raise DifferenceError(f"{name} {error}", hint=hint) from None


def _kept(store: Store, reference: RegistryReference, digest: Digest) -> Iterator[Attached]:
    names = [_named(reference, digest, suffix) for suffix in _SUFFIXES]
    for entry in store.entries():
        if reference_of(entry) not in names:
            continue
        raw = read_blob(store.files, entry)
        for manifest, content in _manifests(raw, entry.digest, digest, lambda one: read_blob(store.files, one)):
            yield from _contents(content, manifest, lambda one: read_blob(store.files, one))


def _indexes(store: Store, reference: RegistryReference, manifest: Digest) -> Iterator[Digest]:
    """Those of the repository that list the manifest themselves."""
    for entry in store.entries():
        name = reference_of(entry)
        if entry.media_type != OCI_INDEX or name is None or name.repository != reference.repository:
            continue
        listed = parse_index(parse_document(read_blob(store.files, entry), f"index {entry.digest}"))
        if any(each.digest == manifest for each in listed):
            yield entry.digest


def _named(reference: RegistryReference, digest: Digest, suffix: str) -> RegistryReference:
    return replace(reference, tag=f"{digest.algorithm}-{digest.encoded}{suffix}", digest=None)


def _manifests(raw: bytes, digest: Digest, subject: Digest, read: ReadBlob) -> Iterator[tuple[Digest, bytes]]:
    """The manifest in `raw`, or those that are listed there and say that they are attached to `subject`."""
    document = parse_document(raw, f"document {digest}")
    listed = document.find("manifests")
    if listed is None:
        yield digest, raw
        return
    for item in islice(listed.items(), MOST):
        descriptor = parse_any_descriptor(item)
        content = read(descriptor)
        stated = parse_document(content, f"manifest {descriptor}").find("subject")
        if stated is not None and stated.get("digest").digest() == subject:
            yield descriptor.digest, content


def _layers(raw: bytes, digest: Digest) -> list[Descriptor]:
    listed = parse_document(raw, f"manifest {digest}").find("layers")
    items = [] if listed is None else list(islice(listed.items(), MOST))
    return [parse_any_descriptor(item) for item in items]


def _contents(raw: bytes, digest: Digest, read: ReadBlob) -> Iterator[Attached]:
    for layer in _layers(raw, digest):
        yield Attached(layer.media_type, read(layer), layer.annotation(SIGNATURE))


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
