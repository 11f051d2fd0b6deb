"""An image: its config and its layers, wherever they are read from; and how a manifest and blobs become one.

Documents are read whole and checked at once; layers are checked by what reads them.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field

from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.image_config import ImageConfig
from bundler.images.layer import Blob, Layer, LocalLayer, LocalLayers
from bundler.images.manifest import Manifest, PlatformChoice
from bundler.images.platform import Platform
from bundler.images.transports.files import Files, load_document
from bundler.light_dataclasses import dataclass
from bundler.progress import Progress

Fetch = Callable[[Progress], AbstractContextManager[LocalLayers]]


def in_place(layers: LocalLayers) -> Fetch:
    """For an image whose layers need not be fetched."""
    return lambda _progress: nullcontext(layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image for one platform.

    `local` gives its layers as files of this machine, for as long as that context lasts; where they have to be fetched
    for it, this process does so, and says how far it is. Without it, an image can only be looked at.

    `name` is what the place it came from calls it (`golden/full:1`, `docker.io/library/nginx:latest`), empty if
    nothing does; `file_name` is the last name of the file or folder it is read from, empty if there is none.
    `manifest` holds the exact bytes whose digest is `manifest_digest`; a legacy docker-archive has none.
    `signed` is the name of the key that has signed it, and over which digest, if that was looked for.
    """

    transport: str
    name: str
    image_config: ImageConfig
    layers: tuple[Layer, ...]
    local: Fetch = field(repr=False, compare=False)
    file_name: str = ""
    manifest: bytes | None = field(default=None, repr=False)
    manifest_digest: Digest | None = None
    signed: tuple[str, str] | None = None

    @property
    def id(self) -> Digest:
        """The image id: the digest of the image config, the same from every transport."""
        return self.image_config.digest


def read_document(files: Files, name: str, descriptor: Descriptor) -> bytes:
    """The manifest, index or config that `descriptor` names, from the file `name`. Raises ImageError if it is not."""
    raw = load_document(files, name)
    check_document(raw, descriptor)
    return raw


def check_document(raw: bytes, descriptor: Descriptor) -> None:
    """Raise ImageError unless `raw` has the size and digest that `descriptor` states."""
    if len(raw) != descriptor.size:
        raise ImageError(f"{descriptor.digest}: {len(raw)} bytes, but {descriptor.size} are stated")
    digest = Digest.of(raw, descriptor.digest.algorithm)
    if digest != descriptor.digest:
        raise ImageError(f"{descriptor.digest}: its digest is {digest}, not the one stated")


def image_of(
    manifest: Manifest,
    image_config: ImageConfig,
    layers: tuple[Layer, ...],
    local: Fetch,
    *,
    transport: str,
    name: str = "",
    file_name: str = "",
) -> Image:
    """The image of a manifest and its config."""
    return Image(
        transport=transport,
        name=name,
        file_name=file_name,
        image_config=image_config,
        layers=layers,
        local=local,
        manifest=manifest.raw,
        manifest_digest=manifest.digest,
    )


BlobName = Callable[[Digest], str]


def stored_image(
    files: Files,
    blob_name: BlobName,
    manifest: Manifest,
    wanted: PlatformChoice,
    listed: Platform | None = None,
    *,
    transport: str,
    name: str = "",
    file_name: str = "",
) -> Image:
    """The image of `manifest`, all of whose blobs are `files`, each called by `blob_name`. Raises ImageError.

    `listed` is the platform by which an index lists it.
    """
    raw = read_document(files, blob_name(manifest.config.digest), manifest.config)
    image_config = manifest.parse_config(raw, wanted.otherwise(listed))
    wanted.check(image_config)
    layers = local_layers(files, blob_name, manifest, image_config.diff_ids)
    names = {"transport": transport, "name": name, "file_name": file_name}
    return image_of(manifest, image_config, layers, in_place(layers), **names)


def local_layers(files: Files, blob_name: BlobName, manifest: Manifest, diff_ids: Sequence[Digest]) -> LocalLayers:
    """The layers of `manifest`, each in its file. Raises ImageError."""
    pairs = zip(manifest.layers, diff_ids, strict=True)
    return tuple(_local_layer(files, blob_name(layer.digest), layer, diff_id) for layer, diff_id in pairs)


def _local_layer(files: Files, name: str, descriptor: Descriptor, diff_id: Digest) -> LocalLayer:
    """The layer that `descriptor` names, in the file `name`. Raises ImageError when that is missing or of another size.

    A layer that was never copied from its registry (foreign, nondistributable) is missing here like any other.
    """
    if not files.has(name):
        raise ImageError(f"{files.label}: layer {descriptor.digest} is missing")
    size = files.size(name)
    if size != descriptor.size:
        raise ImageError(f"layer {descriptor.digest}: {size} bytes, but {descriptor.size} are stated")
    return LocalLayer(Blob(descriptor.media_type, descriptor.size, descriptor.digest), diff_id, files, name)
