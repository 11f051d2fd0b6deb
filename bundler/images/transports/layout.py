"""OCI layouts: a folder or archive of blobs by digest, entered through index.json (image-spec image-layout.md)."""

from collections.abc import Iterable, Iterator, Sequence
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
    parse_index,
    parse_manifest,
    select_manifest,
)
from bundler.images.media_types import KINDS, Kind
from bundler.images.platform import Platform
from bundler.images.reference import Choice, RegistryReference, is_attached, listing, same_name
from bundler.images.transports.files import Files, load_document, read_file

MARKER: Final = "oci-layout"
INDEX: Final = "index.json"
BLOBS: Final = "blobs"
MARKER_CONTENT: Final = b'{"imageLayoutVersion":"1.0.0"}'
_VERSION: Final = "1."
# containerd and BuildKit write the complete name here, and only its tag as image-spec's ref.name.
FULL_NAME: Final = "io.containerd.image.name"
_MARKER_SIZE: Final = 4096


def is_layout(files: Files) -> bool:
    return files.has(MARKER) and files.has(INDEX)


def open_layout(files: Files, choice: Choice, wanted: PlatformChoice, *, transport: str, file_name: str) -> Image:
    """The image that `choice` names, for the wanted platform. Raises ImageError, or RequestError if several fit."""
    check_marker(files)
    chosen = _choose(files, entries(files), choice, wanted.platform)
    return read_image(files, chosen, wanted, transport=transport, name=name_of(chosen), file_name=file_name)


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
    stated = next((one for config_digest, one in manifests(files) if config_digest == str(config)), None)
    return None if stated is None else parse_manifest(read_blob(files, stated), stated.digest)


def manifests(files: Files) -> Iterator[tuple[str, Descriptor]]:
    """The manifests that the layout has, each with the digest of its config, as it states that."""

    def there(descriptor: Descriptor) -> bool:
        return files.has(blob_name(descriptor.digest))

    for descriptor in descend(entries(files), lambda one: read_blob(files, one), there):
        part = parse_document(read_blob(files, descriptor), f"manifest {descriptor}")
        stated = part.find("config")
        if stated is not None:
            yield stated.get("digest").text(), descriptor


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
    meant = meant_by(files, listed, choice)
    if len({one.digest for one in meant}) == 1:
        return meant[0]
    # A layout written by hand may list one image's platforms side by side in index.json itself.
    if choice.digest is None and len({name_of(one) for one in meant}) == 1 and all(one.platform for one in meant):
        return choose_platform(tuple(meant), platform, files.label)
    raise RequestError(f"{files.label}: several images could be meant", hint=_there(meant))


def meant_by(files: Files, listed: Sequence[Descriptor], choice: Choice) -> list[Descriptor]:
    """What of the entries of a layout is meant, one or more: all if nothing was chosen. Raises ImageError."""
    images = [entry for entry in listed if KINDS.get(entry.media_type) in (Kind.MANIFEST, Kind.INDEX)]
    if choice.position is not None:
        if choice.position >= len(listed):
            raise ImageError(f"{files.label}: there is no image @{choice.position}", hint=_there(images))
        return [listed[choice.position]]
    meant = [image for image in images if not is_attached(RegistryReference.find(image.annotation(REF_NAME)))]
    if choice.digest is not None:
        every = descend(images, lambda one: read_blob(files, one), lambda one: files.has(blob_name(one.digest)))
        meant = [one for one in every if str(one.digest).startswith(choice.digest)]
    elif choice.name is not None:
        meant = [image for image in images if _is_called(image, choice.name)]
    if not meant:
        asked = printable(choice.digest or choice.name or "")
        raise ImageError(f"{files.label}: there is no image{asked and f' {asked}'}", hint=_there(images))
    return meant


def _is_called(image: Descriptor, name: str) -> bool:
    return name == image.annotation(REF_NAME) or same_name(name, image.annotation(FULL_NAME))


def name_of(image: Descriptor) -> str:
    return image.annotation(FULL_NAME) or image.annotation(REF_NAME) or ""


def _there(images: Iterable[Descriptor]) -> str | None:
    return listing([(name_of(image), f"@{image.digest}") for image in images])
