"""What is attached to an image: signatures and statements, which come from the registry with it and stay beside it.

cosign 2 attaches them as the image REPOSITORY:sha256-DIGEST.sig (and .att), cosign 3 as manifests with a `subject`,
which registries without an interface for that list in the index REPOSITORY:sha256-DIGEST (distribution-spec, referrers
tag schema). In the store they have these names, too. There, REPOSITORY:sha256-DIGEST.index is an index that an image
was chosen from, and REPOSITORY:sha256-DIGEST.gpg has signatures of GPG.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from bundler.errors import DifferenceError, ImageError
from bundler.images.descriptor import Descriptor, parse_any_descriptor
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.manifest import parse_index
from bundler.images.media_types import KINDS, Kind
from bundler.images.reference import RegistryReference, is_attached
from bundler.images.transports.layout import read_blob
from bundler.light_dataclasses import dataclass
from bundler.sizes import readable_size
from bundler.store.layout import Store, reference_of
from bundler.trust.cosign_signatures import SIGNATURE
from bundler.trust.encoding import ForgedError
from bundler.trust.image_signatures import MOST, SIGNATURES, AnyKey, Attached, SignedImage, verify_image
from bundler.trust.policy import Policy

STATEMENTS: Final = ".att"
SUFFIXES: Final = (".sig", STATEMENTS, "")
INDEX: Final = ".index"
GPG: Final = ".gpg"
ReadBlob = Callable[[Descriptor], bytes]
_LARGEST: Final = 64 << 20
"""Bytes of all that is read to find one signature: documents, which may name the same ones any number of times."""


def trusted_keys(trust: Policy, reference: RegistryReference | None) -> tuple[AnyKey, ...]:
    """The keys, of which one must have signed the image; none where no signature is wanted. Raises DifferenceError.

    What a file calls an image, whoever wrote the file has chosen: to a policy it has no name.
    """
    try:
        return trust.keys_for("" if reference is None else reference.repository)
    except ForgedError as error:
        name = "an image that has no name in a registry" if reference is None else str(reference)
        raise DifferenceError(f"{name} {error}", hint="the policy says which images may be used") from None


@dataclass(frozen=True, slots=True)
class Listed:
    """What an index.json lists, and what reads documents and blobs of it."""

    entries: Sequence[Descriptor]
    read: ReadBlob

    @classmethod
    def of(cls, store: Store) -> "Listed":
        return cls(store.entries(), lambda one: read_blob(store.files, one))

    def attached_to(self, repository: str, digests: Collection[Digest]) -> list[Descriptor]:
        """The entries of what is attached to the manifests and indexes `digests`, and to the indexes that list them;
        these as well. Raises ImageError.
        """
        own = [(entry, tag) for entry in self.entries if (tag := _attached_tag(entry, repository)) is not None]
        indexes = [entry for entry, tag in own if tag == f"{_tag(entry.digest)}{INDEX}" and self._lists(entry, digests)]
        tags = {_tag(digest) for digest in (*digests, *(entry.digest for entry in indexes))}
        return indexes + [entry for entry, tag in own if not tag.endswith(INDEX) and tag.partition(".")[0] in tags]

    def indexes(self, repository: str, manifest: Digest) -> Iterator[Digest]:
        """Those of the repository that list the manifest themselves."""
        for entry in self.entries:
            name = reference_of(entry)
            if KINDS.get(entry.media_type) is not Kind.INDEX or name is None or name.repository != repository:
                continue
            if self._lists(entry, [manifest]):
                yield entry.digest

    def contents(self, reference: RegistryReference, digest: Digest) -> Iterator[Attached]:
        """What is attached to one digest."""
        names = [attached_name(reference, digest, suffix) for suffix in (*SUFFIXES, GPG)]
        for entry in self.entries:
            if reference_of(entry) not in names:
                continue
            for manifest, content in manifests_in(self.read(entry), entry.digest, digest, self.read):
                yield from contents_of(content, manifest, self.read)

    def _lists(self, entry: Descriptor, digests: Collection[Digest]) -> bool:
        listed = parse_index(parse_document(self.read(entry), f"index {entry.digest}"))
        return any(each.digest in digests for each in listed)


def verify_kept(store: Store, reference: RegistryReference, manifest: Digest, keys: Sequence[AnyKey]) -> SignedImage:
    """Raise DifferenceError unless one of the keys has signed the image of the store, or an index that lists it."""
    return verify_listed(Listed.of(store), reference, manifest, keys)


def verify_listed(
    listed: Listed, reference: RegistryReference, manifest: Digest, keys: Sequence[AnyKey]
) -> SignedImage:
    """The same, of an image by what is listed beside it."""
    listed = Listed(listed.entries, _bounded(listed.read))
    try:
        digests = [manifest, *islice(listed.indexes(reference.repository, manifest), MOST)]
        attached = [*islice((each for digest in digests for each in listed.contents(reference, digest)), MOST)]
    except ImageError as error:
        what = f"{reference}: what is attached to it is damaged: {error.what}"
        raise DifferenceError(what, hint="bundler fetch --verify-key brings it along again") from None
    return verify(reference, attached, keys, digests)


def _bounded(read: ReadBlob) -> ReadBlob:
    """The same, up to so much."""
    taken = 0

    def counted(descriptor: Descriptor) -> bytes:
        nonlocal taken
        taken += descriptor.size
        if taken > _LARGEST:
            raise ImageError(f"it is more than {readable_size(_LARGEST)}, which no signatures are")
        return read(descriptor)

    return counted


def verify(
    reference: RegistryReference, attached: Sequence[Attached], keys: Sequence[AnyKey], digests: Sequence[Digest]
) -> SignedImage:
    """Raise DifferenceError unless one of the keys has signed one of the digests, all of which mean the image."""

    def means(name: str) -> bool:
        """Whether a signature for `name` counts: the same repository, and the same tag if one was asked for."""
        signed = RegistryReference.find(name)
        return signed is not None and signed.repository == reference.repository and reference.tag in (None, signed.tag)

    try:
        return verify_image(attached, keys, list(map(str, digests)), means)
    except ForgedError as error:
        hint = "bundler fetch with this key or policy brings along what is attached; do not use it unless you know why"
        raise DifferenceError(f"{reference} {error}", hint=hint) from None


def loses_nothing(old: bytes, new: bytes) -> bool:
    """Whether the manifest or index `new` lists all that `old` lists. Raises ImageError."""
    return all(_items(old, key) <= _items(new, key) for key in ("layers", "manifests"))


def _items(raw: bytes, key: str) -> set[str]:
    listed = parse_document(raw, "what is attached").find(key)
    return set() if listed is None else {json.dumps(item.content, sort_keys=True) for item in listed.items()}


def attached_name(reference: RegistryReference, digest: Digest, suffix: str) -> RegistryReference:
    return replace(reference, tag=f"{_tag(digest)}{suffix}", digest=None)


def _tag(digest: Digest) -> str:
    return f"{digest.algorithm}-{digest.encoded}"


def _attached_tag(entry: Descriptor, repository: str) -> str | None:
    """The tag of what is attached to an image of the repository; None for all else."""
    name = reference_of(entry)
    return name.tag if name is not None and name.repository == repository and is_attached(name) else None


def manifests_in(raw: bytes, digest: Digest, subject: Digest, read: ReadBlob) -> Iterator[tuple[Digest, bytes]]:
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


def layers_of(raw: bytes, digest: Digest) -> list[Descriptor]:
    listed = parse_document(raw, f"manifest {digest}").find("layers")
    items = [] if listed is None else list(islice(listed.items(), MOST))
    return [parse_any_descriptor(item) for item in items]


def contents_of(raw: bytes, digest: Digest, read: ReadBlob) -> Iterator[Attached]:
    """The signatures in it; statements and whatever else is attached need not be read for them."""
    for layer in layers_of(raw, digest):
        if layer.media_type in SIGNATURES:
            yield Attached(layer.media_type, read(layer), layer.annotation(SIGNATURE))
