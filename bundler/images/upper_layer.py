"""An image with one layer more: its documents are made from those it has, and say everything else that these say.

umoci writes documents of its own, in which what it does not know is lost: health checks, Docker's media types.
"""

import json
from dataclasses import dataclass
from typing import Any

from bundler.archives.compression import GZIP
from bundler.images.descriptor import descriptor_document
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.manifest import Manifest
from bundler.images.media_types import DOCKER_CONFIG, DOCKER_LAYER, OCI_LAYER, layer_type


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
