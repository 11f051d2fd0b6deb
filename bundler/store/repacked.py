"""The image that a bundle is repacked into: its destination, a name in the store or a tag in an OCI layout, and its
documents.

The documents are those of the image below with one more layer, and all of their other members. umoci writes new
documents, and loses members that it does not know: health checks, Docker's media types.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bundler.archives.compression import GZIP
from bundler.errors import ImageError, RequestError, printable
from bundler.images.descriptor import REF_NAME, descriptor_document
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.image_config import ImageConfig
from bundler.images.layer import Layer
from bundler.images.manifest import Manifest, parse_manifest
from bundler.images.media_types import DOCKER_CONFIG, DOCKER_LAYER, OCI_LAYER, OCI_MANIFEST, layer_type
from bundler.images.platform import UNSTATED
from bundler.images.reference import split_path
from bundler.images.transports.layout import find_manifest, read_blob
from bundler.images.transports.table import parse_reference
from bundler.light_dataclasses import dataclass
from bundler.store.find import place_of
from bundler.store.layout import Store, entry_of, is_store, name_in, open_store


@dataclass(frozen=True, slots=True)
class History:
    """What the image config is to say of the layer; `created` is a date and time of RFC 3339."""

    created: str | None
    comment: str | None
    author: str | None


def config_above(raw: bytes, diff_id: Digest, history: History) -> bytes:
    """The image config `raw`, with the new layer. Raises ImageError.

    The image is as old as it was unless `history` says when this is; then it is the image's time, too.
    """
    content = _content(raw, "image config")
    diff_ids = content["rootfs"]["diff_ids"]
    listed: list[Any] = content.get("history") or []
    # Readers pair layers with the entries of the history: where these are missing, nothing is said about them.
    paired = sum(1 for entry in listed if not (isinstance(entry, dict) and entry.get("empty_layer")))
    listed += [{}] * (len(diff_ids) - paired)
    if history.created is not None:
        content["created"] = history.created
    entry = {
        "created": content.get("created"),
        "created_by": "bundler repack",
        "author": history.author,
        "comment": history.comment,
    }
    content["history"] = [*listed, {name: value for name, value in entry.items() if value is not None}]
    diff_ids.append(str(diff_id))
    return _encode(content)


def manifest_above(manifest: Manifest, image_config: bytes, digest: Digest, size: int) -> bytes:
    """The manifest with the new config, and a gzip layer of this digest and `size` in bytes."""
    content = _content(manifest.raw, "manifest")
    media_type = manifest.config.media_type
    content["config"] = descriptor_document(media_type, Digest.of(image_config), len(image_config))
    added = layer_type(DOCKER_LAYER if media_type == DOCKER_CONFIG else OCI_LAYER, GZIP)
    content["layers"] = [*(content.get("layers") or []), descriptor_document(added, digest, size)]
    return _encode(content)


def _content(raw: bytes, name: str) -> dict[str, Any]:
    content: dict[str, Any] = parse_document(raw, name).content
    return content


def _encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


# An image in an archive is no store's: repack wants a layout for it, which skopeo makes.
_BRING: Final = (
    "bundler fetch NAME brings the image from its registry; of an archive, skopeo copy docker-archive:FILE "
    "oci:LAYOUT:TAG makes a layout, for bundler repack BUNDLE oci:LAYOUT:NEW"
)


@dataclass(frozen=True, slots=True)
class Destination:
    """A layout, and the name of an image in it."""

    path: Path
    name: str
    is_store: bool = False

    @classmethod
    def parse(cls, text: str, store: Path | None) -> "Destination":
        """`NAME[:TAG]` for the store, or `oci:LAYOUT:TAG`. Raises RequestError."""
        reference = parse_reference(text)
        if reference.transport == "oci":
            path, choice = split_path(reference.rest, os.path.lexists)
            if choice.name is None:
                raise RequestError(f"{printable(text)}: the new image needs a tag", hint="write oci:LAYOUT:TAG")
            return cls(Path(path), choice.name)
        name = reference.registry
        if name is None or reference.states_transport:
            raise RequestError(
                f"{printable(text)}: only the store and OCI layouts take new images",
                hint="write NAME or oci:LAYOUT:TAG",
            )
        if name.digest is not None:
            raise RequestError(f"{printable(text)}: what digest it will have is not known yet", hint="name a tag")
        return cls(place_of(store), str(name), is_store=True)

    @contextmanager
    def open(self) -> Iterator[Store]:
        """Locked against the removal of what the new image needs. Raises RequestError."""
        if not is_store(self.path):
            what = "the store {} holds no images" if self.is_store else "{} is no OCI layout"
            what = what.format(printable(str(self.path)))
            raise RequestError(f"{what}, and the image that the bundle was made from is needed", hint=_BRING)
        with open_store(self.path) as store:
            yield store

    def check_free(self, store: Store) -> None:
        """Raise RequestError if the name is another image's."""
        if any(entry.annotation(REF_NAME) == self.name for entry in store.entries()):
            raise RequestError(
                f"{printable(self.name)} is there already", hint="--force gives its name to the new image"
            )


@dataclass(frozen=True, slots=True)
class Base:
    """The image that a bundle was made from, found by its id."""

    manifest: Manifest
    image_config: ImageConfig

    @classmethod
    def find(cls, store: Store, image_id: Digest) -> "Base":
        """Raises ImageError, with what to do, if it is not there or not whole."""
        manifest = find_manifest(store.files, image_id)
        where = f"{store.files.label}: the image that the bundle was made from, {image_id.short},"
        hint = _BRING
        if manifest is None:
            raise ImageError(f"{where} is not there", hint=hint)
        image_config = manifest.parse_config(read_blob(store.files, manifest.config), UNSTATED)
        for layer in manifest.layers:
            if not store.has(layer):
                raise ImageError(f"{where} lacks its layer {layer}", hint=hint)
        return cls(manifest, image_config)

    def above(self, layer: Layer, history: History) -> tuple[Manifest, bytes]:
        """The image with a gzip layer more: its manifest, and its config."""
        if layer.blob.digest is None or layer.blob.media_type != layer_type(OCI_LAYER, GZIP):
            raise ImageError(f"a layer of media type {printable(layer.blob.media_type)} cannot be added")
        content = config_above(self.image_config.raw, layer.diff_id, history)
        raw = manifest_above(self.manifest, content, layer.blob.digest, layer.blob.size)
        return parse_manifest(raw, Digest.of(raw)), content


def name_image(store: Store, manifest: Manifest, name: str) -> None:
    """List the image under `name`, which no other has from then on."""
    entry = entry_of(manifest.raw, manifest.digest, OCI_MANIFEST, name)
    store.add(entry, replaces=lambda old, new: bool(name_in(old) == name_in(new)))
