"""dir: the folder that `skopeo copy ... dir:PATH` writes: manifest.json as it was, and blobs named by their digits."""

from typing import Final

from bundler.errors import ImageError, RequestError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.image import Image, read_document, stored_image
from bundler.images.manifest import PlatformChoice, select_manifest
from bundler.images.reference import Choice
from bundler.images.transports.files import Files, load_document, read_file

MANIFEST: Final = "manifest.json"
VERSION: Final = "version"
_VERSION_LINE: Final = b"Directory Transport Version: 1."
_VERSION_SIZE: Final = 4096


def is_directory(files: Files) -> bool:
    return files.has(MANIFEST) and files.has(VERSION)


def open_directory(
    files: Files, choice: Choice, wanted: PlatformChoice, *, transport: str, file_name: str = ""
) -> Image:
    """The only image in a folder. Raises ImageError, and RequestError for a choice."""
    if choice != Choice():
        raise RequestError(f"{files.label}: skopeo's folders hold one image, there is nothing to choose")
    version = read_file(files, VERSION, _VERSION_SIZE)
    if not version.startswith(_VERSION_LINE):
        raise ImageError(f"{files.label}: {VERSION} does not say that skopeo wrote this folder")
    raw = load_document(files, MANIFEST)
    digest = Digest.of(raw)
    manifest = select_manifest(raw, digest, wanted.platform, lambda one: _read_manifest(files, one))
    return stored_image(files, blob_name, manifest, wanted, transport=transport, file_name=file_name)


def blob_name(digest: Digest) -> str:
    """Since version 1.2 of the format, digests that are not sha256 have their algorithm in front."""
    return digest.encoded if digest.algorithm == "sha256" else f"{digest.algorithm}-{digest.encoded}"


def _read_manifest(files: Files, descriptor: Descriptor) -> bytes:
    """With `skopeo copy --all`, manifest.json is an index and each of its manifests a file of its own."""
    return read_document(files, f"{blob_name(descriptor.digest)}.manifest.json", descriptor)
