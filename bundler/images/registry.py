"""Images in registries: docker://.

The documents are fetched first and as they are, so that their digests are the registry's and the platform is chosen
by the same code as for layouts. Layers are fetched when the first of them is opened: looking at an image moves no
layer. Every name given to skopeo after the first is by digest, so a tag that moves meanwhile cannot mix two images.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from bundler.archives.stream import ByteStream
from bundler.errors import ImageError
from bundler.images.access import Access
from bundler.images.blobs import check_document, layer_blob
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.directory import blob_name
from bundler.images.files import Folder, open_folder
from bundler.images.image import Blob, Image, Layer
from bundler.images.image_config import ImageConfig, parse_image_config
from bundler.images.index import PlatformChoice, select_manifest
from bundler.images.manifest import Manifest
from bundler.images.registry_reference import RegistryReference
from bundler.images.skopeo import Skopeo, growth
from bundler.limits import Limits
from bundler.progress import Progress

_FETCHED: Final = "fetched"


@dataclass(frozen=True, slots=True)
class Repository:
    """Where `reference` leads in its registry: documents as they are there, each checked against its digest."""

    skopeo: Skopeo
    reference: RegistryReference

    def pinned(self, digest: Digest) -> str:
        """What skopeo calls the manifest or index `digest`; it refuses a name with both a tag and a digest."""
        return f"docker://{replace(self.reference, tag=None, digest=digest)}"

    def resolve(self) -> tuple[bytes, Digest]:
        """The manifest or index that the reference names now. Raises ImageError or ToolError."""
        asked = self.reference.digest
        raw = self.skopeo.inspect(f"docker://{self.reference}" if asked is None else self.pinned(asked))
        digest = Digest.of(raw, "sha256" if asked is None else asked.algorithm)
        if asked not in (None, digest):
            raise ImageError(f"{self.reference}: the registry gave {digest} instead")
        return raw, digest

    def read(self, descriptor: Descriptor) -> bytes:
        """A manifest or index by its digest. Raises ImageError or ToolError."""
        raw = self.skopeo.inspect(self.pinned(descriptor.digest))
        check_document(raw, descriptor)
        return raw

    def read_config(self, manifest: Manifest) -> ImageConfig:
        """The image config that `manifest` names, and that fits its layers. Raises ImageError or ToolError."""
        stated = manifest.config
        raw = self.skopeo.inspect(self.pinned(manifest.digest), "--config")
        if raw[-1:] == b"\n" and len(raw) == stated.size + 1:
            raw = raw[:-1]  # some versions end their output with a newline that is not the document's
        check_document(raw, stated)
        image_config = parse_image_config(raw, f"image config {stated.digest}", algorithm=stated.digest.algorithm)
        manifest.check_layers(image_config)
        return image_config


class _Fetched:
    """The layers of a registry image, fetched once, when the first of them is needed."""

    def __init__(self, skopeo: Skopeo, name: str, manifest: Manifest, workspace: Path, progress: Progress) -> None:
        self._skopeo = skopeo
        self._name = name
        self._manifest = manifest
        self._workspace = workspace
        self._progress = progress
        self._stack = ExitStack()

    @cached_property
    def files(self) -> Folder:
        folder = self._workspace / _FETCHED
        total = sum({layer.digest: layer.size for layer in self._manifest.layers}.values())
        with self._progress.measure("fetching", total) as meter:
            self._skopeo.copy(self._name, folder, "--preserve-digests", watch=growth(folder, meter))
        return self._stack.enter_context(open_folder(folder))

    @contextmanager
    def open(self, layer: Descriptor) -> Iterator[ByteStream]:
        with layer_blob(self.files, blob_name(layer.digest), layer).open_raw() as source:
            yield source

    def close(self) -> None:
        self._stack.close()


@contextmanager
def open_registry_image(
    text: str, wanted: PlatformChoice, access: Access, workspace: Path, *, progress: Progress, limits: Limits
) -> Iterator[Image]:
    """The image that `text` names in a registry. Raises ImageError or ToolError."""
    skopeo = Skopeo(access, limits)
    repository = Repository(skopeo, RegistryReference.parse(text))
    manifest = select_manifest(*repository.resolve(), wanted.platform, repository.read)
    image_config = repository.read_config(manifest)
    wanted.check(image_config.platform, f"image config {image_config.digest}")
    fetched = _Fetched(skopeo, repository.pinned(manifest.digest), manifest, workspace, progress)
    pairs = zip(manifest.layers, image_config.diff_ids, strict=True)
    try:
        yield Image(
            transport="docker",
            name=str(repository.reference),
            image_config=image_config,
            layers=tuple(Layer(_lazy_blob(fetched, layer), diff_id) for layer, diff_id in pairs),
            manifest=manifest.raw,
            manifest_digest=manifest.digest,
        )
    finally:
        fetched.close()


def _lazy_blob(fetched: _Fetched, layer: Descriptor) -> Blob:
    return Blob(layer.media_type, layer.size, layer.digest, lambda: fetched.open(layer))
