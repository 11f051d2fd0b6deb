"""The blobs that the other side has, as `--since` tells: a lock, an earlier file of images, or its list of images."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bundler.carrying.source import Source
from bundler.errors import ImageError, RequestError, printable
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.manifest import Manifest, parse_manifest
from bundler.images.transports.files import load_document
from bundler.images.transports.layout import blob_name, find_manifest
from bundler.input_files import InputError, read_named
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.reproducible.lock import LockedImage, parse_images
from bundler.store.layout import Store

_LARGEST: Final = 16 << 20  # bytes of a lock or a list
_WHAT: Final = (
    "--since names a bundler.lock, an earlier file of bundler export, or what `bundler images --json` printed"
)
Pairs = Iterator[tuple[Digest, str]]


@dataclass(frozen=True, slots=True)
class Since:
    """Reads the file of --since. A lock names only manifests, whose blobs are looked up in the `store` here."""

    store: Store
    workspace: Path
    limits: Limits

    def blobs(self, path: Path) -> Pairs:
        """Each blob that the other side has, with an image that it belongs to. Raises RequestError, ImageError."""
        document = _document(path)
        if document is None:
            return self._of_file(path)
        images = document.find("images")
        if images is None:
            raise RequestError(f"{printable(str(path))} names no images", hint=_WHAT)
        listed = list(images.items())
        if any(image.find("reference") is not None for image in listed):
            return self._of_lock(document)
        return _of_list(path, listed)

    def _of_file(self, path: Path) -> Pairs:
        with Source.parse(str(path)).open(self.store.files, self.workspace, self.limits) as contents:
            for image in contents.images:
                yield from ((blob.digest, next(iter(image.names), "")) for blob in image.blobs)
            name = next((name for image in contents.images for name in image.names), "")
            yield from ((blob.digest, name) for blob in contents.beside)

    def _of_lock(self, document: Member) -> Pairs:
        for image in parse_images(document):
            manifest = self._manifest(image)
            if manifest is None:
                raise ImageError(
                    f"{document.document}: {printable(image.reference)} is not in the store, so its layers are unknown",
                    hint="fetch that one, too, or name the file that brought it, or a list of what is there",
                )
            for digest in (manifest.digest, manifest.config.digest, *(layer.digest for layer in manifest.layers)):
                yield digest, image.reference

    def _manifest(self, image: LockedImage) -> Manifest | None:
        """The locked manifest, if the store has it. It may be there still, though its name means another image now."""
        if image.manifest is None or not self.store.files.has(blob_name(image.manifest)):
            return find_manifest(self.store.files, image.id)
        raw = load_document(self.store.files, blob_name(image.manifest))
        return (
            parse_manifest(raw, image.manifest) if Digest.of(raw, image.manifest.algorithm) == image.manifest else None
        )


def _document(path: Path) -> Member | None:
    """The JSON in a file; None for a folder, and for a file that does not begin as JSON does. Raises RequestError."""
    if path.is_dir():
        return None
    label = printable(str(path))
    try:
        with path.open("rb") as file:
            begins = file.read(64).lstrip()[:1]
        if begins != b"{":
            return None
        return parse_document(read_named(path, _LARGEST), label)
    except InputError as error:
        raise RequestError(f"--since: {label} {error}", hint=error.hint) from None
    except OSError as error:
        raise RequestError(f"--since: {label}: {error.strerror}", hint=_WHAT) from None


def _of_list(path: Path, images: list[Member]) -> Pairs:
    for image in images:
        blobs = image.find("blobs")
        if blobs is None:
            raise RequestError(f"{printable(str(path))} does not say which blobs the images have", hint=_WHAT)
        name = image.get("name").text()
        yield from ((blob.digest(), name) for blob in blobs.items())
