"""Archives as `docker save` writes them: before Docker 25 in its own layout, since then as an OCI layout too."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from tests.support.golden_images import TIME, GoldenImage
from tests.support.tarballs import Member, directory, file, symlink, tarball

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def hexdigest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def repositories(images: Iterable[GoldenImage], top_layers: Iterable[str]) -> Member:
    tagged = {image.repository: {"1": layer} for image, layer in zip(images, top_layers, strict=True)}
    return file("repositories", compact(tagged) + b"\n")


def saved_by_docker_20(images: Sequence[GoldenImage]) -> bytes:
    """`docker save` of Docker 1.10 to 24: `ID/layer.tar` per layer, and a symlink where two IDs have one content."""
    members: dict[str, Member] = {}
    first_with: dict[str, str] = {}
    entries = []
    for image in images:
        identifiers = legacy_identifiers(image)
        for identifier, parent, layer in zip(identifiers, ["", *identifiers], image.layers, strict=False):
            described = {"id": identifier, "created": "1970-01-01T00:00:00Z", "os": "linux"}
            members[f"{identifier}/"] = directory(f"{identifier}/", mtime=TIME)
            members[f"{identifier}/VERSION"] = file(f"{identifier}/VERSION", "1.0", mtime=TIME)
            members[f"{identifier}/json"] = file(
                f"{identifier}/json", compact(described | ({"parent": parent} if parent else {})), mtime=TIME
            )
            name = f"{identifier}/layer.tar"
            holder = first_with.setdefault(hexdigest(layer), identifier)
            shared = symlink(name, f"../{holder}/layer.tar", mtime=TIME)
            members[name] = file(name, layer, mtime=TIME) if holder == identifier else shared
        config = f"{hexdigest(image.config)}.json"
        members[config] = file(config, image.config, mtime=TIME)
        layers = [f"{identifier}/layer.tar" for identifier in identifiers]
        entries.append({"Config": config, "RepoTags": [f"{image.repository}:1"], "Layers": layers})
    return tarball(
        *(members[name] for name in sorted(members)),
        file("manifest.json", compact(entries) + b"\n"),
        repositories(images, [legacy_identifiers(image)[-1] for image in images]),
    )


def legacy_identifiers(image: GoldenImage) -> list[str]:
    """An ID per layer, which stands for all below it too; that of the top layer also for the image's config."""
    identifiers: list[str] = []
    for number, layer in enumerate(image.layers, 1):
        below = identifiers[-1] if identifiers else ""
        config = hexdigest(image.config) if number == len(image.layers) else ""
        identifiers.append(hexdigest(f"{below} {hexdigest(layer)} {config}".encode()))
    return identifiers


def descriptor(media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{hexdigest(content)}", "size": len(content), **more}


def manifest_of(image: GoldenImage) -> bytes:
    return compact(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, image.config),
            "layers": [descriptor(LAYER, layer) for layer in image.layers],
        }
    )


def saved_by_docker_28(images: Sequence[GoldenImage]) -> bytes:
    """`docker save` since Docker 25: an OCI layout of uncompressed layers, and manifest.json over the same blobs."""
    blobs: dict[str, bytes] = {}
    described, entries = [], []
    for image in images:
        manifest = manifest_of(image)
        blobs |= {hexdigest(content): content for content in (manifest, image.config, *image.layers)}
        names = {
            "io.containerd.image.name": f"docker.io/{image.repository}:1",
            "org.opencontainers.image.ref.name": "1",
        }
        described.append(descriptor(MANIFEST, manifest, annotations=names))
        entries.append(
            {
                "Config": f"blobs/sha256/{hexdigest(image.config)}",
                "RepoTags": [f"{image.repository}:1"],
                "Layers": [f"blobs/sha256/{hexdigest(layer)}" for layer in image.layers],
                "LayerSources": {f"sha256:{hexdigest(layer)}": descriptor(LAYER, layer) for layer in image.layers},
            }
        )
    return tarball(
        directory("blobs/", mtime=TIME),
        directory("blobs/sha256/", mtime=TIME),
        *(file(f"blobs/sha256/{name}", blobs[name], mtime=TIME) for name in sorted(blobs)),
        file("index.json", compact({"schemaVersion": 2, "mediaType": INDEX, "manifests": described})),
        file("manifest.json", compact(entries) + b"\n"),
        file("oci-layout", compact({"imageLayoutVersion": "1.0.0"})),
        repositories(images, [hexdigest(image.layers[-1]) for image in images]),
    )


FORMATS = {"docker20": saved_by_docker_20, "docker28": saved_by_docker_28}
