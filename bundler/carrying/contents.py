"""The contents of a file or folder of images: its images, as a store would list them, and their blobs.

All of it is hostile. A document is compared with its digest at once, a blob when it is copied.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import field, replace
from typing import Final

from bundler.carrying.left_out import LeftOut
from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.layer import FileSlice, LocalLayer
from bundler.images.transports.files import Files
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.store.layout import Entry

MOST_IMAGES: Final = 1000
"""Names of images, each of which becomes one in the store: far more than are ever carried at once."""
_MOST_BLOBS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Incoming:
    """An image of the file: `names` are its names there, `entry` is its entry in an index.json, without a name.

    `documents` are its manifests and indexes, `blobs` all that it needs, the documents included.
    """

    names: tuple[str, ...]
    entry: Entry
    digest: Digest
    documents: tuple[Digest, ...]
    blobs: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """The images of a file, and where the bytes of its blobs are.

    `held` has the places of blobs that are in the file, `made` the documents that were made because the file lacks
    them. `attached` are the entries of signatures and other attachments of images, `beside` their blobs.
    """

    files: Files
    images: tuple[Incoming, ...]
    held: Mapping[Digest, LocalLayer]
    made: Mapping[Digest, bytes] = field(default_factory=dict)
    attached: tuple[Descriptor, ...] = ()
    beside: tuple[Descriptor, ...] = ()
    left_out: Mapping[Digest, LeftOut] = field(default_factory=dict)

    def has(self, blob: Descriptor) -> bool:
        """Whether the blob is in the file. Raises ImageError if it is of another size there."""
        if blob.digest in self.made:
            size = len(self.made[blob.digest])
        elif blob.digest in self.held:
            size = self.held[blob.digest].blob.size
        else:
            return False
        if size != blob.size:
            raise ImageError(f"{self.files.label}: {blob.digest}: {size} bytes, but {blob.size} are stated")
        return True

    def over(self, stored: Files) -> "Overlaid":
        """Its files, and those of a store beneath."""
        return Overlaid(self.files, stored)


@dataclass(frozen=True, slots=True)
class Overlaid:
    """Two places of files as one: a file that is not in the first is looked for in the second."""

    first: Files
    second: Files

    @property
    def label(self) -> str:
        return self.first.label

    @property
    def limits(self) -> Limits:
        return self.first.limits

    def has(self, name: str) -> bool:
        return self.first.has(name) or self.second.has(name)

    def size(self, name: str) -> int:
        return self._of(name).size(name)

    def open(self, name: str) -> AbstractContextManager[FileSlice]:
        return self._of(name).open(name)

    def _of(self, name: str) -> Files:
        return self.first if self.first.has(name) or not self.second.has(name) else self.second


class Gathered:
    """Collects images as they are read: each once, with all of its names, and not more than an import may have."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._images: dict[tuple[Digest, str], Incoming] = {}
        self._names = 0
        self._blobs = 0

    def add(self, image: Incoming) -> None:
        """Raises ImageError for more than any file of images holds."""
        key = image.digest, str(image.entry.get("platform"))
        same = self._images.get(key)
        self._names += max(1, len(image.names))
        self._blobs += 0 if same is not None else len(image.blobs)
        if self._names > MOST_IMAGES or self._blobs > _MOST_BLOBS:
            most = f"{MOST_IMAGES} images and names, or {_MOST_BLOBS} layers"
            raise ImageError(f"{self._label}: more than {most}, which no file of images has")
        names = image.names if same is None else tuple(dict.fromkeys((*same.names, *image.names)))
        self._images[key] = replace(image if same is None else same, names=names)

    def all(self) -> tuple[Incoming, ...]:
        return tuple(self._images.values())
