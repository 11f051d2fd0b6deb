"""An image: its config and its layers, wherever they are read from."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from bundler.images.digest import Digest
from bundler.images.image_config import ImageConfig
from bundler.images.layer import Layer, LocalLayers
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
