"""A layer: what an image states of it, and where its bytes are once they are on this machine.

They are a part of an open file there, which a descriptor, an offset and a size say: all that a worker needs to read it.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import field
from typing import Protocol

from bundler.archives.stream import ContentStream
from bundler.images.digest import Digest
from bundler.light_dataclasses import dataclass


class FileSlice:
    """`size` bytes of an open file, from `offset` on, read by position: many may be open on one descriptor."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self.descriptor = descriptor
        self.offset = offset
        self.size = size
        self._position = 0

    @property
    def place(self) -> tuple[int, int, int]:
        """What tells it from all other files: those of one place have the same content."""
        status = os.fstat(self.descriptor)
        return status.st_dev, status.st_ino, self.offset

    def read(self, size: int, /) -> bytes:
        """1 to `size` bytes, or none at the end, also when the file turned out shorter than it said."""
        content = os.pread(self.descriptor, min(size, self.size - self._position), self.offset + self._position)
        self._position += len(content)
        return content

    def read_into(self, room: memoryview, /) -> int:
        """How many bytes were read into `room`: what `read` would give, without being copied."""
        content = room[: self.size - self._position]
        count = os.preadv(self.descriptor, [content], self.offset + self._position)
        self._position += count
        return count

    def skip(self, size: int, /) -> None:
        self._position = min(self._position + size, self.size)


class CheckedStream(ContentStream, Protocol):
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


class LayerPlace(Protocol):
    """Where files lie on this machine: a folder, an archive."""

    def open(self, name: str) -> AbstractContextManager[FileSlice]:
        """Raises ImageError."""
        ...


@dataclass(frozen=True, slots=True)
class LocalLayer(Layer):
    """A layer whose stored bytes lie on this machine, in the file `file` of `place`; its reader checks them.

    To open it asks nothing but this machine's file system: what would have to be fetched is no LocalLayer.
    """

    place: LayerPlace = field(repr=False, compare=False)
    file: str = field(repr=False, compare=False)

    def open(self) -> AbstractContextManager[FileSlice]:
        """The file, as a descriptor, an offset and a size. Raises ImageError."""
        return self.place.open(self.file)


LocalLayers = tuple[LocalLayer, ...]

LayerFacts = tuple[int, int, int, str, int, str | None, str]
"""A layer as another process gets it: descriptor, offset and size of its file, and what the image states of it."""


def facts_of(layer: LocalLayer, source: FileSlice) -> LayerFacts:
    """What `layer_of` takes, for the `source` that `layer.open` gave."""
    blob = layer.blob
    digest = None if blob.digest is None else str(blob.digest)
    return source.descriptor, source.offset, source.size, blob.media_type, blob.size, digest, str(layer.diff_id)


def layer_of(facts: LayerFacts) -> LocalLayer:
    """The layer, in a process that has the descriptor."""
    *where, media_type, size, digest, diff_id = facts
    blob = Blob(media_type, size, None if digest is None else Digest.parse(digest))
    return LocalLayer(blob, Digest.parse(diff_id), _Opened(*where), "")


class _Opened:
    """One open file."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._where = descriptor, offset, size

    @contextmanager
    def open(self, _name: str) -> Iterator[FileSlice]:
        yield FileSlice(*self._where)
