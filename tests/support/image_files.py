"""One image in every format: what `docker save`, skopeo and BuildKit write, as files by name.

A format is a dict from file name to content, so a test can change a byte, a digest or a name before it is written
to a folder or an archive.
"""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.compressors import COMPRESSORS, Compress
from tests.support.tarballs import directory, file, symlink, tarball

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
COMPRESSIONS: dict[str, tuple[Compress, str, str]] = {
    "none": (bytes, "", ""),
    **{name: (compress, f"+{name}", f".{name}") for name, compress in COMPRESSORS.items()},
}


@dataclass(frozen=True)
class Link:
    """A symbolic link in an archive or folder."""

    target: str


Files = dict[str, bytes | Link]


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digits(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def as_json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Sample:
    """An image: layers as uncompressed tar archives, lowest first, and the config document."""

    layers: tuple[bytes, ...]
    config: bytes


def sample(*layers: bytes, architecture: str = "amd64", **execution: Any) -> Sample:
    """An image of `layers` (default: two small ones) whose config has the `execution` parameters (`Cmd=[...]`)."""
    layers = layers or (
        tarball(directory("etc"), file("etc/motd", b"hello")),
        tarball(file("etc/motd", f"hello {architecture}"), file("second", b"2" * 5000)),
    )
    diff_ids = [sha256(layer) for layer in layers]
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]} | execution,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    return Sample(tuple(layers), as_json(config))


def descriptor(media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)} | more


def manifest_of(image: Sample, compression: str = "gzip", *, docker: bool = False) -> tuple[bytes, list[bytes]]:
    """The manifest of an image, and its layers as they are stored."""
    _, oci_suffix, docker_suffix = COMPRESSIONS[compression]
    stored = [_stored(layer, compression) for layer in image.layers]
    if docker:
        config, layer = f"{DOCKER}.container.image.v1+json", f"{DOCKER}.image.rootfs.diff.tar{docker_suffix}"
        media_type = f"{DOCKER}.distribution.manifest.v2+json"
    else:
        config, layer = f"{OCI}.config.v1+json", f"{OCI}.layer.v1.tar{oci_suffix}"
        media_type = f"{OCI}.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config, image.config),
        "layers": [descriptor(layer, content) for content in stored],
    }
    return as_json(manifest), stored


@functools.lru_cache(maxsize=16)
def _stored(layer: bytes, compression: str) -> bytes:
    """Remembered, since the tests of a module have the same layers, and compressing them takes longest."""
    return COMPRESSIONS[compression][0](layer)


def index_of(*entries: dict[str, Any], docker: bool = False) -> bytes:
    media_type = f"{DOCKER}.distribution.manifest.list.v2+json" if docker else f"{OCI}.index.v1+json"
    return as_json({"schemaVersion": 2, "mediaType": media_type, "manifests": list(entries)})


def layout_files(
    images: Mapping[str, Sample], compression: str = "gzip", *, docker: bool = False, platforms: bool = False
) -> Files:
    """An OCI layout of images by tag ("" for none); with `platforms`, one index of them all under the tag `all`."""
    files: Files = {"oci-layout": as_json({"imageLayoutVersion": "1.0.0"})}
    entries = []
    for tag, image in images.items():
        manifest, stored = manifest_of(image, compression, docker=docker)
        for content in (manifest, image.config, *stored):
            files[blob(content)] = content
        stated = json.loads(image.config)
        platform = {"os": stated["os"], "architecture": stated["architecture"]}
        annotations = {"org.opencontainers.image.ref.name": tag} if tag and not platforms else {}
        more: dict[str, Any] = {"platform": platform} if platforms else {}
        more |= {"annotations": annotations} if annotations else {}
        entries.append(descriptor(json.loads(manifest)["mediaType"], manifest, **more))
    if platforms:
        nested = index_of(*entries, docker=docker)
        files[blob(nested)] = nested
        annotations = {"org.opencontainers.image.ref.name": "all"}
        entries = [descriptor(json.loads(nested)["mediaType"], nested, annotations=annotations)]
    files["index.json"] = index_of(*entries)
    return files


def blob(content: bytes) -> str:
    return f"blobs/sha256/{digits(content)}"


def docker_files(images: Mapping[str, Sample], compression: str = "none") -> Files:
    """What `docker save` writes since 25: an OCI layout and manifest.json. Tags are whole names (`a/b:1`)."""
    files = layout_files(dict(images), compression)
    files["manifest.json"] = as_json(
        [
            {
                "Config": blob(image.config),
                "RepoTags": [tag] if tag else None,
                "Layers": [blob(content) for content in manifest_of(image, compression)[1]],
            }
            for tag, image in images.items()
        ]
    )
    return files


def legacy_files(images: Mapping[str, Sample]) -> Files:
    """What `docker save` wrote until 24: a folder for each layer, where a layer seen before is a symbolic link."""
    files: Files = {}
    first: dict[bytes, str] = {}
    entries = []
    for tag, image in images.items():
        names = []
        for position, layer in enumerate(image.layers):
            name = f"{digits(f'{tag} {position}'.encode())}/layer.tar"
            files[name] = Link(f"../{first[layer]}") if layer in first else layer
            first.setdefault(layer, name)
            names.append(name)
        config = f"{digits(image.config)}.json"
        files[config] = image.config
        entries.append({"Config": config, "RepoTags": [tag] if tag else None, "Layers": names})
    return files | {"manifest.json": as_json(entries)}


def directory_files(image: Sample, compression: str = "gzip", *, docker: bool = True) -> Files:
    """What `skopeo copy FROM dir:PATH` writes."""
    manifest, stored = manifest_of(image, compression, docker=docker)
    files: Files = {digits(content): content for content in (image.config, *stored)}
    return files | {"manifest.json": manifest, "version": b"Directory Transport Version: 1.1\n"}


def multi_directory_files(images: Sequence[Sample], *, docker: bool = True) -> Files:
    """What `skopeo copy --all FROM dir:PATH` writes: an index, and each manifest in a file of its own."""
    files: Files = {}
    entries = []
    for image in images:
        raw = manifest_of(image, docker=docker)[0]
        stated = json.loads(image.config)
        platform = {"os": stated["os"], "architecture": stated["architecture"]}
        entries.append(descriptor(json.loads(raw)["mediaType"], raw, platform=platform))
        files |= directory_files(image, docker=docker) | {f"{digits(raw)}.manifest.json": raw}
    return files | {"manifest.json": index_of(*entries, docker=docker)}


def write_folder(path: Path, files: Mapping[str, bytes | Link]) -> Path:
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            target.symlink_to(content.target)
        else:
            target.write_bytes(content)
    return path


def archive_of(files: Mapping[str, bytes | Link]) -> bytes:
    """`files` as a tar archive, with the folders above them, as every writer has it."""
    members = []
    seen: set[str] = set()
    for name, content in files.items():
        for parent in reversed([str(parent) for parent in Path(name).parents if str(parent) != "."]):
            if parent not in seen:
                members.append(directory(parent + "/"))
                seen.add(parent)
        members.append(symlink(name, content.target) if isinstance(content, Link) else file(name, content))
    return tarball(*members)


def write_archive(path: Path, files: Mapping[str, bytes | Link]) -> Path:
    path.write_bytes(archive_of(files))
    return path
