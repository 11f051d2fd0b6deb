"""From a registry into the store: documents exactly as they are there, and the layers that are not yet here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bundler.errors import ImageError, RequestError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.manifest import (
    Manifest,
    PlatformChoice,
    descend,
    kind_of,
    naming,
    parse_index,
    parse_manifest,
    select_manifest,
)
from bundler.images.media_types import KINDS, OCI_INDEX, OCI_MANIFEST, Kind
from bundler.images.platform import Platform
from bundler.images.reference import RegistryReference
from bundler.images.transports.access import Access
from bundler.images.transports.registry import Layered, Repository
from bundler.images.transports.skopeo import Skopeo
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.progress import SILENT, Progress
from bundler.store.attached import trusted_keys, verify
from bundler.store.attachments import Attachments, fetch_attachments, fetch_listed, with_index
from bundler.store.gpg_signatures import fetch_signed
from bundler.store.layout import Entry, Store, entry_of, gives_way
from bundler.trust.image_signatures import AnyKey
from bundler.trust.keyring import Keyring
from bundler.trust.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """How to fetch: for one platform, or with `every` for all that an image is there for.

    What is attached to an image comes along. With `trust`, only what is signed as the policy asks is fetched.
    """

    access: Access
    limits: Limits
    progress: Progress
    wanted: PlatformChoice
    every: bool = False
    trust: Policy | None = None

    def into(self, store: Store, reference: RegistryReference) -> Digest:
        """Fetch the image `reference`; gives the digest that it is listed with. Raises BundlerError."""
        with _named(reference):
            entry = self._fetch(store, reference)
        store.add(entry, replaces=gives_way)
        return Digest.parse(entry["digest"])

    def _fetch(self, store: Store, reference: RegistryReference) -> Entry:
        repository = Repository(Skopeo(self.access, self.limits), reference)
        raw, digest = repository.resolve()
        kind = kind_of(parse_document(raw, f"document {digest}"))
        if self.every and kind is Kind.INDEX:
            signed = self._check_signed(store, repository, [digest], None)
            listed = self._fetch_index(store, repository, raw, digest)
            self._bring_along(store, repository, listed[1:] if signed else listed)
            return entry_of(raw, digest, OCI_INDEX, str(reference))
        manifest = select_manifest(raw, digest, self.wanted.platform, repository.read)
        index = raw if kind is Kind.INDEX else None
        digests = [manifest.digest] if index is None else [digest, manifest.digest]
        signed = self._check_signed(store, repository, digests, manifest, index)
        stated = self._fetch_manifest(store, repository, manifest)
        if not signed:
            self._bring_along(store, repository, digests, index)
        only = index is None  # there is no other: then it stands for every platform, as in the registry
        return entry_of(manifest.raw, manifest.digest, OCI_MANIFEST, str(reference), None if only else stated)

    def _check_signed(
        self,
        store: Store,
        repository: Repository,
        digests: Sequence[Digest],
        manifest: Manifest | None,
        index: bytes | None = None,
    ) -> bool:
        """Raise DifferenceError unless it is signed, if that is asked for; keep what is attached, for later.

        Gives whether what is attached has been asked for. Of several platforms, there is no one manifest.
        """
        keys = () if self.trust is None else trusted_keys(self.trust, repository.reference)
        if not keys:
            return False
        if any(isinstance(key, Keyring) for key in keys):
            self._fetch_signed(store, repository, manifest, keys)
            return False
        attachments = fetch_attachments(repository, digests, store)
        verify(repository.reference, attachments.attached, keys, digests)
        if index is not None:
            attachments = with_index(attachments, repository, index, digests[0])
        attachments.keep(store)
        return True

    def _fetch_signed(
        self, store: Store, repository: Repository, manifest: Manifest | None, keys: Sequence[AnyKey]
    ) -> None:
        """Layers, and signatures of GPG with them. Raises DifferenceError unless one is by one of the keys."""
        if manifest is None:
            what = "signatures of GPG come with the image for one platform, and not with those for all"
            raise RequestError(f"{repository.reference}: {what}", hint="fetch it for each --platform")
        repository.check_size(manifest)
        total = sum(layer.size for layer in manifest.distinct_layers)

        def check(found: Attachments) -> None:
            verify(repository.reference, found.attached, keys, [manifest.digest])

        with self.progress.measure(f"fetching {repository.reference}", total) as meter:
            fetch_signed(repository, manifest, store, meter, check)

    @staticmethod
    def _bring_along(
        store: Store, repository: Repository, digests: Sequence[Digest], index: bytes | None = None
    ) -> None:
        """Keep what is attached to the image, although nothing is asked of it today."""
        fetch_listed(repository, digests, store, index).keep(store)

    def _fetch_index(self, store: Store, repository: Repository, raw: bytes, digest: Digest) -> list[Digest]:
        """Gives its digest, and those of what it lists."""
        documents = {digest: raw}

        def read(descriptor: Descriptor) -> bytes:
            documents[descriptor.digest] = repository.read(descriptor)
            return documents[descriptor.digest]

        listed = parse_index(parse_document(raw, f"index {digest}"))
        for descriptor in descend((one for one in listed if not one.is_attestation), read):
            if KINDS[descriptor.media_type] is Kind.MANIFEST and not descriptor.is_attestation:
                manifest = parse_manifest(read(descriptor), descriptor.digest)
                self._fetch_manifest(store, repository, manifest, requested=False)
        for name, document in documents.items():
            store.put(document, name)
        return list(documents)

    def _fetch_manifest(
        self, store: Store, repository: Repository, manifest: Manifest, *, requested: bool = True
    ) -> Platform:
        """Layers, config and manifest, in this order; gives the platform that the config states."""
        image_config = repository.read_config(manifest, self.wanted.platform)
        if requested:
            self.wanted.check(image_config)
        fetch_layers(store, repository, manifest, self.progress)
        store.put(image_config.raw, manifest.config.digest)
        store.put(manifest.raw, manifest.digest)
        return image_config.platform


def fetch_layers(store: Store, repository: Repository, manifest: Layered, progress: Progress) -> None:
    """Have the layers in the store, of which some may be there. Raises BundlerError."""
    repository.check_size(manifest)
    # What is there is read once: to take its name for it would keep a damaged layer for ever.
    missing = [layer for layer in manifest.distinct_layers if not store.holds(layer)]
    for layer in missing:
        store.discard_damaged(layer)
    total = sum(layer.size for layer in missing)
    with (
        store.stage() as stage,
        (progress if missing else SILENT).measure(f"fetching {repository.reference}", total) as meter,
    ):
        repository.fetch_layers(manifest, missing, stage, store.path, meter, store.lock)


@contextmanager
def _named(reference: RegistryReference) -> Iterator[None]:
    """Say with what is wrong in which of several images it is: a document knows its digest only."""
    try:
        with naming(str(reference)):
            yield
    except ImageError as error:
        if reference.repository in error.what:
            raise
        raise ImageError(f"{reference}: {error.what}", hint=error.hint) from None
