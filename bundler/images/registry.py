"""Images in registries: docker://.

The documents are fetched first and as they are, so that their digests are the registry's and the platform is chosen
by the same code as for layouts. Layers are fetched, all at once, when the image is made local: looking at an image
moves no layer. Every name given to skopeo after the first is by digest, so a tag that moves meanwhile cannot mix two
images.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bundler.errors import ImageError
from bundler.images.access import Access
from bundler.images.blobs import check_document, local_layer
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.directory import blob_name
from bundler.images.files import open_folder
from bundler.images.image import Blob, Image, Layer, LocalLayers
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


@dataclass(frozen=True, slots=True)
class _Remote:
    """The layers of a registry image, fetched into `workspace` once, by the first who wants them on this machine."""

    repository: Repository
    manifest: Manifest
    image_config: ImageConfig
    workspace: Path

    @property
    def layers(self) -> tuple[Layer, ...]:
        """As the image states them."""
        pairs = zip(self.manifest.layers, self.image_config.diff_ids, strict=True)
        return tuple(Layer(Blob(one.media_type, one.size, one.digest), diff_id) for one, diff_id in pairs)

    @contextmanager
    def local(self, progress: Progress) -> Iterator[LocalLayers]:
        """Raises ImageError or ToolError."""
        folder = self.workspace / _FETCHED
        if not folder.exists():
            self._fetch(folder, progress)
        with open_folder(folder) as files:
            pairs = zip(self.manifest.layers, self.image_config.diff_ids, strict=True)
            yield tuple(local_layer(files, blob_name(one.digest), one, diff_id) for one, diff_id in pairs)

    def _fetch(self, folder: Path, progress: Progress) -> None:
        skopeo, name = self.repository.skopeo, self.repository.pinned(self.manifest.digest)
        total = sum({layer.digest: layer.size for layer in self.manifest.layers}.values())
        with progress.measure("fetching", total) as meter:
            skopeo.copy(name, folder, "--preserve-digests", watch=growth(folder, meter))


def open_registry_image(text: str, wanted: PlatformChoice, access: Access, workspace: Path, *, limits: Limits) -> Image:
    """The image that `text` names in a registry. Raises ImageError or ToolError."""
    repository = Repository(Skopeo(access, limits), RegistryReference.parse(text))
    manifest = select_manifest(*repository.resolve(), wanted.platform, repository.read)
    image_config = repository.read_config(manifest)
    wanted.check(image_config.platform, f"image config {image_config.digest}")
    remote = _Remote(repository, manifest, image_config, workspace)
    return Image(
        transport="docker",
        name=str(repository.reference),
        image_config=image_config,
        layers=remote.layers,
        local=remote.local,
        manifest=manifest.raw,
        manifest_digest=manifest.digest,
    )
