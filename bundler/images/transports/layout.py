"""OCI layouts: a folder or archive of blobs by digest, entered through index.json (image-spec image-layout.md)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bundler.errors import ImageError, RequestError, printable
from bundler.images.descriptor import REF_NAME, Descriptor
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.image import Image, read_document, stored_image
from bundler.images.manifest import (
    Manifest,
    PlatformChoice,
    choose_platform,
    descend,
    manifest_of,
    parse_index,
    select_manifest,
)
from bundler.images.media_types import KINDS, Kind
from bundler.images.platform import Platform
from bundler.images.reference import Choice, listing, same_name
from bundler.images.transports.files import Files, load_document, read_file

MARKER: Final = "oci-layout"
INDEX: Final = "index.json"
BLOBS: Final = "blobs"
MARKER_CONTENT: Final = b'{"imageLayoutVersion":"1.0.0"}'
_VERSION: Final = "1."
# containerd and BuildKit write the complete name here, and only its tag as image-spec's ref.name.
_FULL_NAME: Final = "io.containerd.image.name"
_MARKER_SIZE: Final = 4096


def is_layout(files: Files) -> bool:
    return files.has(MARKER) and files.has(INDEX)


def open_layout(files: Files, choice: Choice, wanted: PlatformChoice, *, transport: str, file_name: str) -> Image:
    """The image that `choice` names, for the wanted platform. Raises ImageError, or RequestError if several fit."""
    check_marker(files)
    chosen = _choose(files, entries(files), choice, wanted.platform)
    return read_image(files, chosen, wanted, transport=transport, name=_name(chosen), file_name=file_name)


def read_image(
    files: Files, chosen: Descriptor, wanted: PlatformChoice, *, transport: str, name: str, file_name: str = ""
) -> Image:
    """The image that a manifest or index of the layout is, for the wanted platform. Raises ImageError."""

    def read(descriptor: Descriptor) -> bytes:
        return read_blob(files, descriptor)

    manifest = select_manifest(read(chosen), chosen.digest, wanted.platform, read)
    names = {"transport": transport, "name": name, "file_name": file_name}
    return stored_image(files, blob_name, manifest, wanted, chosen.platform, **names)


def find_manifest(files: Files, config: Digest) -> Manifest | None:
    """The manifest whose config is `config`, if the layout has one. Its layers have not been looked for.

    `docker save` of one platform keeps an index that also names what was left out, so missing documents are passed,
    and what is no image (attestations) is not read further.
    """

    def there(descriptor: Descriptor) -> bool:
        return files.has(blob_name(descriptor.digest))

    for descriptor in descend(entries(files), lambda one: read_blob(files, one), there):
        raw = read_blob(files, descriptor)
        part = parse_document(raw, f"manifest {descriptor}")
        stated = part.find("config")
        if stated is not None and stated.get("digest").text() == str(config):
            return manifest_of(part, raw, descriptor.digest)
    return None


def blob_name(digest: Digest) -> str:
    return f"{BLOBS}/{digest.algorithm}/{digest.encoded}"


def is_there(layout: Path, descriptor: Descriptor) -> bool:
    """Whether the layout at that path has the blob, in its size."""
    try:
        return (layout / blob_name(descriptor.digest)).lstat().st_size == descriptor.size
    except FileNotFoundError:
        return False


def check_marker(files: Files) -> None:
    """Raise ImageError unless `oci-layout` states a version that is known."""
    marker = parse_document(read_file(files, MARKER, _MARKER_SIZE), f"{files.label}: {MARKER}")
    version = marker.get("imageLayoutVersion")
    if not version.text().startswith(_VERSION):
        raise version.expected(f"version {_VERSION}x")


def entries(files: Files) -> tuple[Descriptor, ...]:
    """What index.json lists, in order. Raises ImageError."""
    return parse_index(parse_document(load_document(files, INDEX), f"{files.label}: {INDEX}"))


def read_blob(files: Files, descriptor: Descriptor) -> bytes:
    """The manifest, index or config that `descriptor` names. Raises ImageError."""
    return read_document(files, blob_name(descriptor.digest), descriptor)


def _choose(files: Files, listed: tuple[Descriptor, ...], choice: Choice, platform: Platform) -> Descriptor:
    images = [entry for entry in listed if KINDS.get(entry.media_type) in (Kind.MANIFEST, Kind.INDEX)]
    if choice.position is not None:
        if choice.position >= len(listed):
            raise ImageError(f"{files.label}: there is no image @{choice.position}", hint=_there(images))
        return listed[choice.position]
    meant = images
    if choice.digest is not None:
        every = descend(images, lambda one: read_blob(files, one), lambda one: files.has(blob_name(one.digest)))
        meant = [one for one in every if str(one.digest).startswith(choice.digest)]
    elif choice.name is not None:
        meant = [image for image in images if _is_called(image, choice.name)]
    if not meant:
        asked = printable(choice.digest or choice.name or "")
        raise ImageError(f"{files.label}: there is no image{asked and f' {asked}'}", hint=_there(images))
    if len({one.digest for one in meant}) == 1:
        return meant[0]
    # A layout written by hand may list one image's platforms side by side in index.json itself.
    if choice.digest is None and len({_name(one) for one in meant}) == 1 and all(one.platform for one in meant):
        return choose_platform(tuple(meant), platform, files.label)
    raise RequestError(f"{files.label}: several images could be meant", hint=_there(meant))


def _is_called(image: Descriptor, name: str) -> bool:
    return name == image.annotation(REF_NAME) or same_name(name, image.annotation(_FULL_NAME))


def _name(image: Descriptor) -> str:
    return image.annotation(_FULL_NAME) or image.annotation(REF_NAME) or ""


def _there(images: Iterable[Descriptor]) -> str | None:
    return listing([(_name(image), f"@{image.digest}") for image in images])
