"""Signatures of GPG, fetched from where registries.d says; skopeo gives them only together with the image.

An OCI layout has no place for them. In the store they are layers of the image REPOSITORY:sha256-DIGEST.gpg, which no
registry has.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bundler.errors import ImageError
from bundler.images.descriptor import descriptor_document
from bundler.images.digest import Digest
from bundler.images.manifest import Manifest
from bundler.images.media_types import OCI_MANIFEST
from bundler.images.transports.access import persist
from bundler.images.transports.files import open_folder, read_file
from bundler.images.transports.registry import Repository, collect
from bundler.images.transports.skopeo import IMAGE
from bundler.progress import Meter, rising
from bundler.store.attached import GPG, attached_name
from bundler.store.attachments import Attachments
from bundler.store.layout import Store, entry_of
from bundler.trust.gpg_signature import MEDIA_TYPE
from bundler.trust.image_signatures import MOST, Attached

_LARGEST: Final = 1 << 20  # bytes
_NOTHING: Final = b"{}"


def fetch_signed(
    repository: Repository, manifest: Manifest, store: Store, meter: Meter, check: Callable[[Attachments], None]
) -> None:
    """Add the layers of an image to the store, and what `check` has looked at: its signatures. Raises BundlerError."""
    layers = manifest.distinct_layers
    with store.stage() as stage:
        reach = rising(meter)

        def copy() -> None:
            repository.skopeo.copy_image(repository.pinned(manifest.digest), stage, layers, reach, signatures=True)

        persist(repository.skopeo.access, copy)
        found = _attachments(repository, manifest, _signatures(repository, stage))
        check(found)
        collect(stage / IMAGE, store.path, layers)
    found.keep(store)


def _signatures(repository: Repository, stage: Path) -> list[bytes]:
    """As skopeo names them, from 1 on."""
    with open_folder(stage / IMAGE, repository.skopeo.limits) as files:
        names = [name for number in range(1, MOST + 2) if files.has(name := f"signature-{number}")]
        if len(names) > MOST:
            raise ImageError(f"{repository.reference}: it has more than {MOST} signatures")
        return [read_file(files, name, _LARGEST) for name in names]


def _attachments(repository: Repository, manifest: Manifest, signatures: list[bytes]) -> Attachments:
    if not signatures:
        return Attachments({}, [], [])
    blobs = {Digest.of(content): content for content in (_NOTHING, *signatures)}
    config = descriptor_document("application/vnd.oci.empty.v1+json", Digest.of(_NOTHING), len(_NOTHING))
    layers = [descriptor_document(MEDIA_TYPE, Digest.of(content), len(content)) for content in signatures]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": MEDIA_TYPE}
    raw = json.dumps(document | {"config": config, "layers": layers}, separators=(",", ":")).encode()
    name = str(attached_name(repository.reference, manifest.digest, GPG))
    entry = entry_of(raw, Digest.of(raw), OCI_MANIFEST, name)
    return Attachments(
        blobs | {Digest.of(raw): raw}, [entry], [Attached(MEDIA_TYPE, content) for content in signatures]
    )
