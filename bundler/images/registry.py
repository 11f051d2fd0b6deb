"""Images in registries: docker://.

The documents are fetched first and as they are, so that their digests are the registry's and the platform is chosen
by the same code as for layouts. Layers are fetched, all at once, when the image is made local: looking at an image
moves no layer. Every name given to skopeo after the first is by digest, so a tag that moves meanwhile cannot mix two
images.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bundler.errors import ImageError
from bundler.images.access import Access
from bundler.images.blobs import check_document, local_layer
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.files import open_folder
from bundler.images.image import Image
from bundler.images.image_config import ImageConfig, parse_image_config
from bundler.images.index import PlatformChoice, select_manifest
from bundler.images.layer import Blob, Layer, LocalLayers
from bundler.images.layout import blob_name, is_there
from bundler.images.manifest import Manifest
from bundler.images.platform import Platform
from bundler.images.registry_reference import RegistryReference
from bundler.images.skopeo import Skopeo
from bundler.limits import Limits, raise_hint
from bundler.progress import Meter, Progress

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

    def read_config(self, manifest: Manifest, otherwise: Platform) -> ImageConfig:
        """The image config that `manifest` names, and that fits its layers. Raises ImageError or ToolError.

        `otherwise` is its platform where it does not say one.
        """
        stated = manifest.config
        raw = self.skopeo.inspect(self.pinned(manifest.digest), "--config")
        if raw[-1:] == b"\n" and len(raw) == stated.size + 1:
            raw = raw[:-1]  # some versions end their output with a newline that is not the document's
        check_document(raw, stated)
        image_config = parse_image_config(
            raw, f"image config {stated.digest}", algorithm=stated.digest.algorithm, otherwise=otherwise
        )
        manifest.check_layers(image_config)
        return image_config

    def fetch_layers(
        self, manifest: Manifest, missing: Sequence[Descriptor], folder: Path, layout: Path, meter: Meter, *lock: int
    ) -> None:
        """Have skopeo copy the layers `missing` of `manifest` into `layout`; it works in `folder`, which exists.

        It is called also if nothing is missing: it is who asks the signature policy. Raises ImageError or ToolError.
        """
        self.skopeo.copy_layers(self.pinned(manifest.digest), folder, layout, missing, meter, *lock)
        for layer in manifest.layers:
            if not is_there(layout, layer):
                raise ImageError(f"{self.reference}: the registry gave no layer {layer.digest}")

    def check_size(self, manifest: Manifest) -> None:
        """Raise ImageError if the layers are too large, before any is fetched."""
        stored, most = sum(layer.size for layer in manifest.distinct_layers), self.skopeo.limits.unpacked_size
        if stored > most:
            what = f"the layers are {stored} bytes already as they are stored, over {most}"
            raise ImageError(f"{self.reference}: {what}", hint=raise_hint("unpacked_size"))


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
        layout = self.workspace / _FETCHED
        if not layout.exists():
            self._fetch(layout, progress)
        with open_folder(layout) as files:
            pairs = zip(self.manifest.layers, self.image_config.diff_ids, strict=True)
            yield tuple(local_layer(files, blob_name(one.digest), one, diff_id) for one, diff_id in pairs)

    def _fetch(self, layout: Path, progress: Progress) -> None:
        layers = self.manifest.distinct_layers
        self.repository.check_size(self.manifest)
        with (
            TemporaryDirectory(dir=self.workspace) as folder,
            progress.measure("fetching", sum(layer.size for layer in layers)) as meter,
        ):
            arriving, beside = Path(folder, "layout"), Path(folder, "beside")
            beside.mkdir()
            self.repository.fetch_layers(self.manifest, layers, beside, arriving, meter)
            arriving.rename(layout)


def open_registry_image(text: str, wanted: PlatformChoice, access: Access, workspace: Path, *, limits: Limits) -> Image:
    """The image that `text` names in a registry. Raises ImageError or ToolError."""
    repository = Repository(Skopeo(access, limits), RegistryReference.parse(text))
    manifest = select_manifest(*repository.resolve(), wanted.platform, repository.read)
    image_config = repository.read_config(manifest, wanted.platform)
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
