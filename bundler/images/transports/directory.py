"""dir: the folder that `skopeo copy ... dir:PATH` writes: manifest.json as it was, and blobs named by their digits."""

from typing import Final

from bundler.errors import ImageError
from bundler.images.blobs import local_layer, read_document
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.image import Image, in_place
from bundler.images.image_config import parse_image_config
from bundler.images.index import PlatformChoice, select_manifest
from bundler.images.transports.files import Files, load_document, read_file

MANIFEST: Final = "manifest.json"
VERSION: Final = "version"
_VERSION_LINE: Final = b"Directory Transport Version: 1."
_VERSION_SIZE: Final = 4096


def is_directory(files: Files) -> bool:
    return files.has(MANIFEST) and files.has(VERSION)


def open_directory(files: Files, wanted: PlatformChoice, *, file_name: str) -> Image:
    """The image in a folder. Raises ImageError."""
    version = read_file(files, VERSION, _VERSION_SIZE)
    if not version.startswith(_VERSION_LINE):
        raise ImageError(f"{files.label}: {VERSION} does not say that skopeo wrote this folder")
    raw = load_document(files, MANIFEST)
    digest = Digest.of(raw)
    manifest = select_manifest(raw, digest, wanted.platform, lambda one: _read_manifest(files, one))
    image_config = parse_image_config(
        read_document(files, blob_name(manifest.config.digest), manifest.config),
        f"image config {manifest.config.digest}",
        algorithm=manifest.config.digest.algorithm,
        otherwise=wanted.platform,
    )
    manifest.check_layers(image_config)
    wanted.check(image_config.platform, f"image config {image_config.digest}")
    pairs = zip(manifest.layers, image_config.diff_ids, strict=True)
    layers = tuple(local_layer(files, blob_name(one.digest), one, diff_id) for one, diff_id in pairs)
    return Image(
        transport="dir",
        name="",
        file_name=file_name,
        image_config=image_config,
        layers=layers,
        local=in_place(layers),
        manifest=manifest.raw,
        manifest_digest=manifest.digest,
    )


def blob_name(digest: Digest) -> str:
    """Since version 1.2 of the format, digests that are not sha256 have their algorithm in front."""
    return digest.encoded if digest.algorithm == "sha256" else f"{digest.algorithm}-{digest.encoded}"


def _read_manifest(files: Files, descriptor: Descriptor) -> bytes:
    """With `skopeo copy --all`, manifest.json is an index and each of its manifests a file of its own."""
    return read_document(files, f"{blob_name(descriptor.digest)}.manifest.json", descriptor)
