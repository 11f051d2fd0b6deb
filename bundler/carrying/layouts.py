"""The images of an OCI layout, in a folder or an archive: those of bundler, podman and skopeo."""

from collections.abc import Mapping, Sequence
from typing import Final

from bundler.carrying import left_out
from bundler.carrying.contents import Contents, Gathered, Incoming, Overlaid
from bundler.carrying.left_out import LeftOut
from bundler.errors import ImageError, printable
from bundler.images.descriptor import Descriptor, descriptor_document
from bundler.images.digest import Digest
from bundler.images.layer import Blob, LocalLayer
from bundler.images.manifest import ANY_PLATFORM, descend, parse_manifest
from bundler.images.media_types import KINDS, Kind
from bundler.images.reference import Choice, is_attached
from bundler.images.transports.files import Files
from bundler.images.transports.layout import blob_name, check_marker, entries, meant_by, name_of, read_blob
from bundler.images.transports.skopeo_failures import MissingError
from bundler.sizes import readable_size
from bundler.store.attached import Listed
from bundler.store.layout import platform_document, reference_of
from bundler.store.reach import reached

_MOST: Final = 64 << 20
"""Bytes of all documents together: several hundred times those of an archive with a hundred images."""


def read_layout(files: Files, choice: Choice, stored: Files) -> Contents:
    """The images of a layout; blobs that it leaves out are looked for in `stored`. Raises ImageError."""
    check_marker(files)
    reader = _Reader(files, stored, left_out.load(files))
    listed = entries(files)
    gathered = Gathered(files.label)
    for entry in meant_by(files, listed, choice):
        gathered.add(reader.image(entry))
    images = gathered.all()
    attached = reader.attached([entry for entry in listed if is_attached(reference_of(entry))], images)
    return Contents(
        files, images, reader.held, attached=tuple(attached), beside=tuple(reader.beside), left_out=reader.absent
    )


class _Reader:
    """Reads the documents of a layout, and notes where its blobs are."""

    def __init__(self, files: Files, stored: Files, absent: Mapping[Digest, LeftOut]) -> None:
        self.held: dict[Digest, LocalLayer] = {}
        self.beside: list[Descriptor] = []
        self.absent = absent
        self._files = files
        self._stored = stored
        self._taken = 0

    def image(self, entry: Descriptor) -> Incoming:
        """The image of an entry. Raises ImageError, also for a blob that is neither in the layout nor in the store."""
        if not self._has(entry):
            raise ImageError(f"{self._files.label}: {entry} is missing")
        documents: list[Digest] = []
        blobs: dict[Digest, Descriptor] = {}
        platform = entry.platform
        for one in descend([entry], self._read, self._has):
            if one.is_attestation:
                continue
            documents.append(one.digest)
            blobs[one.digest] = one
            if KINDS[one.media_type] is Kind.MANIFEST:
                manifest = parse_manifest(self._read(one), one.digest)
                config = manifest.parse_config(self._read(manifest.config), one.platform or ANY_PLATFORM.platform)
                blobs |= {blob.digest: blob for blob in (manifest.config, *manifest.layers)}
                platform = config.platform
        if len(blobs) == len(documents):
            raise ImageError(f"{self._files.label}: {entry} lists no image that is there")
        for blob in blobs.values():
            self._hold(blob)
        listed = descriptor_document(entry.media_type, entry.digest, entry.size)
        if entry.platform is not None and platform is not None:  # which the image config says better
            listed["platform"] = platform_document(platform)
        name = name_of(entry)
        return Incoming((name,) if name else (), listed, entry.digest, tuple(documents), tuple(blobs.values()))

    def attached(self, listed: Sequence[Descriptor], images: Sequence[Incoming]) -> list[Descriptor]:
        """The entries of what is attached to the images."""
        digests = frozenset(digest for image in images for digest in image.documents)
        there: dict[str, list[Descriptor]] = {}
        for entry in listed:
            name = reference_of(entry)
            if name is not None and self._has(entry):
                there.setdefault(name.repository, []).append(entry)
        attached = [
            entry for one in sorted(there) for entry in Listed(there[one], self._read).attached_to(one, digests)
        ]
        passed: set[Digest] = set()
        for entry in attached:
            for blob in reached(self._files, entry, lambda one: one.digest not in passed and self._is_here(one)):
                passed.add(blob.digest)
                self.beside.append(blob)
                self._hold(blob)
        return attached

    def _has(self, document: Descriptor) -> bool:
        return self._is_here(document) or document.digest in self.absent

    def _is_here(self, blob: Descriptor) -> bool:
        return self._files.has(blob_name(blob.digest))

    def _read(self, document: Descriptor) -> bytes:
        left = self.absent.get(document.digest)
        if left is not None and not Overlaid(self._files, self._stored).has(blob_name(document.digest)):
            raise missing(self._files, self._stored, left)
        content = read_blob(Overlaid(self._files, self._stored), document)
        self._taken += len(content)
        if self._taken > _MOST:
            what = f"its manifests and configs are more than {readable_size(_MOST)}, which no images' are"
            raise ImageError(f"{self._files.label}: {what}")
        return content

    def _hold(self, blob: Descriptor) -> None:
        """Note where a blob is, if it is there."""
        if self._is_here(blob):
            name = blob_name(blob.digest)
            stored = Blob(blob.media_type, self._files.size(name), blob.digest)
            self.held[blob.digest] = LocalLayer(stored, blob.digest, self._files, name)


def missing(files: Files, stored: Files, blob: LeftOut) -> ImageError:
    """The error for a blob that is neither in the file nor in the store."""
    if not blob.image:
        return ImageError(
            f"{files.label}: {blob.digest} is missing, and not in {stored.label} either",
            hint="what was to write it may have failed; write it once more",
        )
    image = printable(blob.image)
    return MissingError(
        f"{files.label} leaves out {blob.digest} of {image}, which {stored.label} does not have",
        hint=f"it was written for a store that has {image}: import or fetch that first, or export without --since",
    )
