"""The images in a file of `docker save`, as a store lists them.

Docker before version 25 saved no manifests. Such an image gets the manifest that later versions write, of the layers as
they are in the archive, so that an image has the same digest whichever version has saved it.
"""

import json
from dataclasses import replace
from typing import Any, Final

from bundler.carrying.contents import Contents, Gathered, Incoming
from bundler.errors import ImageError, printable
from bundler.images.descriptor import Descriptor, descriptor_document
from bundler.images.digest import ALGORITHMS, Digest
from bundler.images.image import Image
from bundler.images.layer import LocalLayer
from bundler.images.manifest import ANY_PLATFORM, Manifest, parse_manifest
from bundler.images.media_types import DOCKER_LAYER, KINDS, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from bundler.images.reference import Choice
from bundler.images.transports.docker_archive import open_every
from bundler.images.transports.files import Files
from bundler.sizes import readable_size

_CHUNK: Final = 1 << 20
_MOST: Final = 64 << 20
"""Bytes of all configs and manifests together, which are in memory until they are in the store."""


def read_docker_archive(files: Files, choice: Choice) -> Contents:
    """Raises ImageError, also for a layer whose compression no manifest can name."""
    held: dict[Digest, LocalLayer] = {}
    made: dict[Digest, bytes] = {}
    named: dict[tuple[int, int, int], Digest] = {}
    gathered, taken = Gathered(files.label), 0
    manifest: Manifest | None = None
    for names, image in open_every(files, choice, ANY_PLATFORM.platform):
        layers = [_named(layer, named) for layer in image.layers if isinstance(layer, LocalLayer)]
        held |= {layer.blob.digest: layer for layer in layers if layer.blob.digest is not None}
        if manifest is None or manifest.digest != image.manifest_digest:  # else it is that of the one before
            manifest = _manifest(image, layers)
        for digest, content in ((image.id, image.image_config.raw), (manifest.digest, manifest.raw)):
            taken += 0 if digest in made else len(content)
            made[digest] = content
        if taken > _MOST:
            what = f"its configs are more than {readable_size(_MOST)}, which no images' are"
            raise ImageError(f"{files.label}: {what}")
        gathered.add(_incoming(names, manifest))
    return Contents(files, gathered.all(), held, made)


def _incoming(names: tuple[str, ...], manifest: Manifest) -> Incoming:
    itself = Descriptor(OCI_MANIFEST, manifest.digest, len(manifest.raw))
    listed = descriptor_document(itself.media_type, itself.digest, itself.size)
    return Incoming(names, listed, manifest.digest, (manifest.digest,), (itself, manifest.config, *manifest.layers))


def _named(layer: LocalLayer, known: dict[tuple[int, int, int], Digest]) -> LocalLayer:
    """The layer as a descriptor. The digest is that of its bytes as they are stored; each file is read once for it."""
    if layer.blob.digest is not None:
        return layer
    if layer.blob.media_type == DOCKER_LAYER:
        return replace(layer, blob=replace(layer.blob, digest=layer.diff_id))
    with layer.open() as source:
        place = source.place
        if place not in known:
            hasher = ALGORITHMS["sha256"]()
            while part := source.read(_CHUNK):
                hasher.update(part)
            known[place] = Digest("sha256", hasher.hexdigest())
    return replace(layer, blob=replace(layer.blob, digest=known[place]))


def _manifest(image: Image, layers: list[LocalLayer]) -> Manifest:
    """The manifest in the archive; without one, a manifest with the members and the order that Docker writes."""
    if image.manifest is not None and image.manifest_digest is not None:
        return parse_manifest(image.manifest, image.manifest_digest)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor_document(OCI_CONFIG, image.id, len(image.image_config.raw)),
        "layers": [_described(layer) for layer in layers],
    }
    raw = json.dumps(document, separators=(",", ":")).encode()
    return parse_manifest(raw, Digest.of(raw))


def _described(layer: LocalLayer) -> dict[str, Any]:
    media_type = OCI_LAYER + layer.blob.media_type.removeprefix(DOCKER_LAYER).replace(".", "+")
    if media_type not in KINDS or layer.blob.digest is None:
        what = f"is compressed in a way that no manifest can name: {printable(media_type)}"
        raise ImageError(f"layer {layer.diff_id} {what}", hint="skopeo copy makes an archive whose layers are not")
    return descriptor_document(media_type, layer.blob.digest, layer.blob.size)
