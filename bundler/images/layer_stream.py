"""A layer as a stream of uncompressed bytes, checked on the way: size, digest and diff_id (image-spec config.md).

    stored bytes -> count -> digest -> decompress -> diff_id -> reader

Content is only good once the last byte of both streams was read: whoever stops at the end of the tar archive would
accept a layer whose remaining bytes are not what the digest names. `finish` reads them.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from bundler.archives.compression import NONE, decompress
from bundler.archives.stream import ByteStream, DamagedError
from bundler.errors import ImageError
from bundler.images.digest import ALGORITHMS, Digest
from bundler.images.image import Blob, CheckedStream, Layer
from bundler.progress import Meter

_CHUNK: Final = 1 << 20


class _StoredStream:
    """The bytes of a blob as they are stored. Raises ImageError at the first read that proves them wrong."""

    def __init__(self, source: ByteStream, blob: Blob, label: str, meter: Meter) -> None:
        self._source = source
        self._blob = blob
        self._label = label
        self._meter = meter
        self._hash = None if blob.digest is None else ALGORITHMS[blob.digest.algorithm]()
        self._left = blob.size
        self._ended = False

    def read(self, size: int, /) -> bytes:
        if self._ended:
            return b""
        # One byte more than is left at the most: enough to see that there are more, and never a read without end.
        content = self._source.read(min(size, self._left + 1))
        if len(content) > self._left:
            raise ImageError(f"{self._label}: more bytes than the {self._blob.size} that are stated")
        if not content:
            self._end()
            return b""
        self._left -= len(content)
        if self._hash is not None:
            self._hash.update(content)
        self._meter(len(content))
        return content

    def _end(self) -> None:
        self._ended = True
        if self._left:
            found = self._blob.size - self._left
            raise ImageError(f"{self._label}: {found} bytes, but {self._blob.size} are stated")
        _compare(self._label, "digest", self._blob.digest, self._hash)

    def finish(self) -> None:
        _drain(self)


class _LayerStream:
    """The uncompressed bytes of a layer."""

    def __init__(self, layer: Layer, stored: _StoredStream, label: str) -> None:
        self._layer = layer
        self._stored = stored
        self._label = label
        compression, self._content = self._guarded(lambda: decompress(stored))
        # Uncompressed, and both names the same: the one hash of the stored bytes has said it all.
        once = compression is NONE and layer.blob.digest == layer.diff_id
        self._hash = None if once else ALGORITHMS[layer.diff_id.algorithm]()
        self._ended = False

    def read(self, size: int, /) -> bytes:
        content: bytes = self._guarded(lambda: self._content.read(size))
        if self._hash is not None:
            self._hash.update(content)
        if not content and not self._ended:
            self._ended = True
            self._stored.finish()
            _compare(self._label, "diff_id", self._layer.diff_id, self._hash)
        return content

    def finish(self) -> None:
        _drain(self)

    def _guarded(self, step: Any) -> Any:
        """Do `step`. If the bytes cannot be decoded, say first whether they are the bytes that were stated at all."""
        try:
            return step()
        except DamagedError as error:
            self._stored.finish()
            raise ImageError(f"{self._label}: {error}", hint=error.hint) from error


@contextmanager
def open_layer(layer: Layer, meter: Meter) -> Iterator[CheckedStream]:
    """The uncompressed bytes of `layer`; `meter` counts the stored ones.

    Raises ImageError, naming the layer: from `read` for what is wrong by then, from `finish` for the rest. A
    DamagedError that passes through this context (a reader found the tar archive damaged) becomes an ImageError too,
    after the rest was read: that the digest is wrong is the better explanation.
    """
    label = f"layer {layer.blob.digest or layer.diff_id}"
    with layer.blob.open_raw() as source:
        stream = _LayerStream(layer, _StoredStream(source, layer.blob, label, meter), label)
        try:
            yield stream
        except DamagedError as error:
            stream.finish()
            raise ImageError(f"{label}: {error}", hint=error.hint) from error


@contextmanager
def open_blob(blob: Blob, meter: Meter) -> Iterator[CheckedStream]:
    """The bytes of `blob` as they are stored, checked for size and, where one is stated, digest."""
    label = "blob without a digest" if blob.digest is None else f"blob {blob.digest}"
    with blob.open_raw() as source:
        yield _StoredStream(source, blob, label, meter)


def _drain(stream: ByteStream) -> None:
    while stream.read(_CHUNK):
        pass


def _compare(label: str, what: str, stated: Digest | None, found: "hashlib._Hash | None") -> None:
    if stated is None or found is None:
        return
    digest = Digest(stated.algorithm, found.hexdigest())
    if digest != stated:
        name = "" if f"{stated}" in label else f" {stated}"
        raise ImageError(f"{label}: its {what} is {digest}, not the one stated{name}")
