"""Read an OCI layout as any tool would."""

import gzip
import json
from pathlib import Path
from typing import Any


def blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def document(layout: Path, descriptor: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(blob(layout, descriptor["digest"]))
    return found


def manifest_named(layout: Path, name: str) -> dict[str, Any]:
    """The manifest that index.json lists by this name."""
    listed = json.loads((layout / "index.json").read_bytes())["manifests"]
    named = {entry.get("annotations", {}).get("org.opencontainers.image.ref.name"): entry for entry in listed}
    return document(layout, named[name])


def layers_above(layout: Path, name: str, count: int) -> list[bytes]:
    """The uncompressed layers of an image, but for the lowest `count`."""
    return [gzip.decompress(blob(layout, layer["digest"])) for layer in manifest_named(layout, name)["layers"][count:]]
