"""Unpacking with the umoci program instead: what it is given is an OCI layout that it can read.

umoci 0.4.7 knows OCI media types, gzip and plain tar. So every layer is written into a layout of its own: gzip as it
is, everything else (zstd, and the layers of `docker save`, which have no digest) decompressed. It knows no limits
either, and takes names that lead out for others; so the caller first applies the layers in memory.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bundler.archives.compression import GZIP, NONE, compression_of
from bundler.archives.stream import ContentStream
from bundler.images.descriptor import REF_NAME, descriptor_document
from bundler.images.digest import Digest
from bundler.images.layer import LocalLayer
from bundler.images.layer_stream import open_blob, open_layer
from bundler.images.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, layer_type
from bundler.images.transports.layout import BLOBS, INDEX, MARKER, MARKER_CONTENT, blob_name
from bundler.progress import Meter
from bundler.rootfs.owners import Owners
from bundler.rootfs.remove import remove_tree, temporary_folder
from bundler.tools import UMOCI, run

_CHUNK: Final = 1 << 20
_TAG: Final = "image"


def unpack_with_umoci(layers: Sequence[LocalLayer], root: Path, owners: Owners, meter: Meter) -> None:
    """Unpack `layers`, which can be applied safely, into the empty directory `root`; the layout lies beside it for that
    long.

    Raises ImageError for layers that are not what the image states, ToolError for what umoci fails at.
    """
    with temporary_folder(root.parent, "umoci-") as workspace:
        layout = workspace / "layout"
        write_layout(layout, layers, meter)
        remove_tree(root)  # umoci makes it itself
        run(UMOCI, "raw", "unpack", f"--image={layout}:{_TAG}", *_options(owners), root)


def _options(owners: Owners) -> list[str]:
    """What umoci is told of owners; it shifts neither ACLs nor file capabilities."""
    options = ["--rootless"] if owners.confined else []
    for option, shifts in zip(("--uid-map", "--gid-map"), owners.maps, strict=False):
        options += [f"{option}={inside}:{outside}:{count}" for inside, outside, count in shifts.ranges]
    return options


def write_layout(layout: Path, layers: Sequence[LocalLayer], meter: Meter = lambda _count: None) -> dict[str, Any]:
    """Write a new layout of one image that has these layers; gives what it lists."""
    (layout / BLOBS / "sha256").mkdir(parents=True)
    descriptors = [_copy_layer(layout, layer, meter) for layer in layers]
    image_config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "config": _write_document(layout, OCI_CONFIG, image_config),
        "layers": descriptors,
    }
    listed = _write_document(layout, OCI_MANIFEST, manifest)
    listed["annotations"] = {REF_NAME: _TAG}
    (layout / INDEX).write_text(json.dumps({"schemaVersion": 2, "manifests": [listed]}))
    (layout / MARKER).write_bytes(MARKER_CONTENT)
    return listed


def _copy_layer(layout: Path, layer: LocalLayer, meter: Meter) -> dict[str, Any]:
    with layer.open() as source:
        is_gzip = compression_of(source) is GZIP
    if is_gzip and layer.blob.digest is not None:
        with open_blob(layer, meter) as stream:
            return _write_blob(layout, layer_type(OCI_LAYER, GZIP), stream)
    with open_layer(layer, meter) as stream:
        return _write_blob(layout, layer_type(OCI_LAYER, NONE), stream)


def _write_blob(layout: Path, media_type: str, stream: ContentStream) -> dict[str, Any]:
    """Copy `stream`, which checks itself at its end, and give the descriptor of the copy."""
    sha256 = hashlib.sha256()
    size = 0
    unnamed = layout / BLOBS / "unnamed"
    with unnamed.open("wb") as blob:
        while chunk := stream.read(_CHUNK):
            sha256.update(chunk)
            size += blob.write(chunk)
    digest = Digest("sha256", sha256.hexdigest())
    unnamed.rename(layout / blob_name(digest))
    return descriptor_document(media_type, digest, size)


def _write_document(layout: Path, media_type: str, document: dict[str, Any]) -> dict[str, Any]:
    content = json.dumps(document).encode()
    digest = Digest.of(content)
    (layout / blob_name(digest)).write_bytes(content)
    return descriptor_document(media_type, digest, len(content))
