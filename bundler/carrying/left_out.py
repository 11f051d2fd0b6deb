"""The document that names the blobs which a file of images leaves out because the other side has them.

It lies beside index.json: the image-spec allows other files in a layout.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from bundler.bundles.record import check_format
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.transports.files import Files, load_document
from bundler.light_dataclasses import dataclass

NAME: Final = "bundler-left-out.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A blob that was left out, and the name of an image that it is part of (empty if that has no name)."""

    digest: Digest
    size: int
    image: str


def encode(blobs: Iterable[LeftOut]) -> bytes:
    """The document."""
    listed = [
        {"digest": str(blob.digest), "size": blob.size, "image": blob.image}
        for blob in sorted(blobs, key=lambda blob: blob.digest)
    ]
    return json.dumps({"format": _FORMAT, "blobs": listed}, separators=(",", ":")).encode()


def load(files: Files) -> Mapping[Digest, LeftOut]:
    """The blobs that were left out. Raises ImageError, and RequestError for a format of a later version."""
    if not files.has(NAME):
        return {}
    label = f"{files.label}: {NAME}"
    document = parse_document(load_document(files, NAME), label)
    document.get("format")
    check_format(document.content, label, _FORMAT)
    blobs = [
        LeftOut(item.get("digest").digest(), item.get("size").number(), item.get("image").text())
        for item in document.get("blobs").items()
    ]
    return {blob.digest: blob for blob in blobs}
