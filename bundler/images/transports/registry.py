"""Images in registries: docker://.

The documents are fetched first and as they are, so that their digests are the registry's and the platform is chosen
by the same code as for layouts. Layers are fetched, all at once, when the image is made local: looking at an image
moves no layer. Where they are wanted from the beginning, the config comes with them, and is not asked for twice. Every
name given to skopeo after the first is by digest, so a tag that moves meanwhile cannot mix two images.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.image import Image, check_document, image_of, local_layers
from bundler.images.image_config import ImageConfig
from bundler.images.layer import Blob, Layer, LocalLayers
from bundler.images.manifest import Manifest, PlatformChoice, select_manifest
from bundler.images.platform import Platform
from bundler.images.reference import RegistryReference
from bundler.images.transports import directory
from bundler.images.transports.access import Access, persist
from bundler.images.transports.files import open_folder
from bundler.images.transports.layout import blob_name, is_there, read_blob
from bundler.images.transports.skopeo import IMAGE, Skopeo
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits, raise_hint
from bundler.progress import Meter, Progress, rising
from bundler.sizes import readable_size

_FETCHED: Final = "fetched"


class Layered(Protocol):
    """What a registry keeps as a manifest and layers: an image, or an artifact."""

    @property
    def digest(self) -> Digest: ...
    @property
    def layers(self) -> tuple[Descriptor, ...]: ...
    @property
    def distinct_layers(self) -> tuple[Descriptor, ...]: ...


@dataclass(frozen=True, slots=True)
class Repository:
    """Where `reference` leads in its registry: documents as they are there, each checked against its digest."""

    skopeo: Skopeo
    reference: RegistryReference

    def pinned(self, digest: Digest) -> str:
        """What skopeo calls the manifest or index `digest`."""
        return f"docker://{self.reference.pinned(digest)}"

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
        return manifest.parse_config(raw, otherwise)

    def fetch_layers(
        self, manifest: Layered, missing: Sequence[Descriptor], folder: Path, layout: Path, meter: Meter, *lock: int
    ) -> None:
        """Have skopeo copy the layers `missing` of `manifest` into `layout`; it works in `folder`, which exists.

        It is called also if nothing is missing: skopeo asks the signature policy. Raises ImageError or ToolError.
        """
        name, reach = self.pinned(manifest.digest), rising(meter)
        persist(self.skopeo.access, lambda: self.skopeo.copy_layers(name, folder, layout, missing, reach, *lock))
        self._check_layers(manifest, layout)

    def fetch_image(self, manifest: Manifest, folder: Path, layout: Path, meter: Meter) -> None:
        """Have skopeo copy the layers of `manifest` into the new `layout`; it works in `folder`, which exists.

        The first try takes the whole image, so that its config comes along. Where that breaks off, those after it take
        the layers that did not come. Raises ImageError or ToolError.
        """
        name, layers, reach = self.pinned(manifest.digest), manifest.distinct_layers, rising(meter)
        total = sum(layer.size for layer in layers)

        def copy() -> None:
            if layout.exists():
                missing = [layer for layer in layers if not is_there(layout, layer)]
                beside = folder / "beside"
                beside.mkdir(exist_ok=True)
                there = total - sum(layer.size for layer in missing)
                self.skopeo.copy_layers(name, beside, layout, missing, lambda count: reach(there + count))
                return
            try:
                self.skopeo.copy_image(name, folder, layers, reach)
            finally:
                collect(folder / IMAGE, layout, (manifest.config, *layers))

        persist(self.skopeo.access, copy)
        self._check_layers(manifest, layout)

    def _check_layers(self, manifest: Layered, layout: Path) -> None:
        for layer in manifest.layers:
            if not is_there(layout, layer):
                raise ImageError(f"{self.reference}: the registry gave no layer {layer.digest}")

    def check_size(self, manifest: Layered) -> None:
        """Raise ImageError if the layers are too large, before any is fetched."""
        stored, most = sum(layer.size for layer in manifest.distinct_layers), self.skopeo.limits.unpacked_size
        if stored > most:
            what = f"the layers are {readable_size(stored)} already as they are stored, over {readable_size(most)}"
            raise ImageError(f"{self.reference}: {what}", hint=raise_hint("unpacked_size"))


def collect(folder: Path, layout: Path, wanted: Iterable[Descriptor]) -> None:
    """Move those of the blobs `wanted` that skopeo has written to `folder` (`dir:`) into `layout`."""
    for descriptor in wanted:
        blob = layout / blob_name(descriptor.digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            (folder / directory.blob_name(descriptor.digest)).rename(blob)


@dataclass(frozen=True, slots=True)
class _Remote:
    """A registry image, whose layers are fetched into `workspace` once, when the image is first made local."""

    repository: Repository
    manifest: Manifest
    workspace: Path

    @property
    def _layout(self) -> Path:
        return self.workspace / _FETCHED

    def read_config(self, otherwise: Platform) -> ImageConfig:
        """The image config, as it came with the layers, or else from the registry. Raises ImageError or ToolError."""
        if not (self._layout / blob_name(self.manifest.config.digest)).exists():
            return self.repository.read_config(self.manifest, otherwise)
        with open_folder(self._layout, self.repository.skopeo.limits) as files:
            raw = read_blob(files, self.manifest.config)
        return self.manifest.parse_config(raw, otherwise)

    def layers(self, image_config: ImageConfig) -> tuple[Layer, ...]:
        """The layers, as the image states them."""
        pairs = zip(self.manifest.layers, image_config.diff_ids, strict=True)
        return tuple(Layer(Blob(one.media_type, one.size, one.digest), diff_id) for one, diff_id in pairs)

    @contextmanager
    def local(self, layers: tuple[Layer, ...], progress: Progress) -> Iterator[LocalLayers]:
        """Raises ImageError or ToolError."""
        self.fetch(progress)
        with open_folder(self._layout) as files:
            yield local_layers(files, blob_name, self.manifest, [layer.diff_id for layer in layers])

    def fetch(self, progress: Progress) -> None:
        """Have the layers here. Raises ImageError or ToolError."""
        if self._layout.exists():
            return
        self.repository.check_size(self.manifest)
        total = sum(layer.size for layer in self.manifest.distinct_layers)
        with (
            TemporaryDirectory(dir=self.workspace) as folder,
            progress.measure(f"fetching {self.repository.reference}", total) as meter,
        ):
            arriving = Path(folder, "layout")
            self.repository.fetch_image(self.manifest, Path(folder), arriving, meter)
            arriving.rename(self._layout)


def open_registry_image(
    name: RegistryReference,
    wanted: PlatformChoice,
    access: Access,
    workspace: Path,
    *,
    limits: Limits,
    fetch: Progress | None,
) -> Image:
    """The image `name` in its registry; with `fetch`, its layers are here at once. Raises ImageError or ToolError."""
    repository = Repository(Skopeo(access, limits), name)
    manifest = select_manifest(*repository.resolve(), wanted.platform, repository.read)
    remote = _Remote(repository, manifest, workspace)
    if fetch is not None:
        remote.fetch(fetch)
    image_config = remote.read_config(wanted.platform)
    wanted.check(image_config)
    layers = remote.layers(image_config)
    local = partial(remote.local, layers)
    return image_of(manifest, image_config, layers, local, transport="docker", name=str(name))
