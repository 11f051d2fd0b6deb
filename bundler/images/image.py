"""An image: its config and its layers, wherever they are read from."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from bundler.archives.stream import ByteStream
from bundler.images.digest import Digest
from bundler.images.files import Files, FileSlice
from bundler.images.image_config import ImageConfig
from bundler.progress import Progress


class CheckedStream(ByteStream, Protocol):
    """A stream whose content is only known to be good once `finish` returned (layer_stream.open_layer gives one)."""

    def finish(self) -> None:
        """Read what is left and raise ImageError unless size, digest and diff_id are what the image states."""
        ...


@dataclass(frozen=True, slots=True)
class Blob:
    """What an image states of a layer's bytes as they are stored, compressed or not.

    A docker-archive states no digest of its layers (their diff_id checks them); then `digest` is None.
    """

    media_type: str
    size: int
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Layer:
    """A changeset: `diff_id` names its uncompressed bytes, `blob` holds them."""

    blob: Blob
    diff_id: Digest


@dataclass(frozen=True, slots=True)
class LocalLayer(Layer):
    """A layer whose stored bytes lie on this machine, in the file `file` of `files`; its reader checks them.

    To open it asks nothing but this machine's file system: what would have to be fetched is no LocalLayer.
    """

    files: Files = field(repr=False, compare=False)
    file: str = field(repr=False, compare=False)

    def open(self) -> AbstractContextManager[FileSlice]:
        """The file, as a descriptor, an offset and a size. Raises ImageError."""
        return self.files.open(self.file)


LocalLayers = tuple[LocalLayer, ...]
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
    """

    transport: str
    name: str
    image_config: ImageConfig
    layers: tuple[Layer, ...]
    local: Fetch = field(repr=False, compare=False)
    file_name: str = ""
    manifest: bytes | None = field(default=None, repr=False)
    manifest_digest: Digest | None = None

    @property
    def id(self) -> Digest:
        """The image id: the digest of the image config, the same from every transport."""
        return self.image_config.digest
