"""A layer as a stream of uncompressed bytes, checked on the way: size, digest and diff_id (image-spec config.md).

    stored bytes -> count -> digest -> decompress -> | -> diff_id -> reader

At the bar, what comes before runs in a thread of its own, some pieces ahead, if there is anything to decompress: on two
processors, reading a gzip layer takes three quarters of the time that it takes on one.

Content is only good once the last byte of both streams was read: a reader that stops at the end of the tar archive
would accept a layer whose remaining bytes are not what the digest names. `finish` reads them.

`fill` is what a worker does with layers: it puts the uncompressed bytes into shared memory, all of them checked.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple, Protocol, cast

from bundler.archives.compression import NONE, decompress
from bundler.archives.read_ahead import read_ahead
from bundler.archives.stream import ByteStream, Content, ContentStream, DamagedError
from bundler.errors import ImageError
from bundler.images.digest import ALGORITHMS, Digest
from bundler.images.layer import Blob, CheckedStream, FileSlice, Layer, LayerFacts, LocalLayer, layer_of
from bundler.light_dataclasses import dataclass
from bundler.progress import Meter
from bundler.workers.shared_stream import Filler

Room = Callable[[int], memoryview]
"""Gives a place for 1 to so many bytes, which is where they are needed."""
Count = Callable[[int, int], None]
"""Is told how many stored bytes were read and how many uncompressed bytes they became, and may raise."""

_CHUNK: Final = 1 << 20


class Stored:
    """A meter of stored bytes that were read; `taken` gives how many since it was last asked."""

    def __init__(self) -> None:
        self._size = 0

    def __call__(self, count: int, /) -> None:
        self._size += count

    def taken(self) -> int:
        size, self._size = self._size, 0
        return size


class CountedStream:
    """Uncompressed bytes, counted as they come out; `stored` meters the bytes that go in."""

    def __init__(self, stream: CheckedStream, stored: Stored, count: Count) -> None:
        self._stream = stream
        self._stored = stored
        self._count = count

    def read(self, size: int, /) -> Content:
        content = self._stream.read(size)
        self._count(self._stored.taken(), len(content))
        return content

    def finish(self) -> None:
        """Read what is left, which counts too, and check it all. Raises what the stream and the count raise."""
        while self.read(_CHUNK):
            pass
        self._stream.finish()


# Small enough to be in a processor's cache still when the next thread gets it, large enough for its cost.
_PIECE: Final = 512 * 1024


class _Piece(NamedTuple):
    """Uncompressed bytes, and how many stored ones were read for them."""

    content: Content
    stored: int


class _StoredStream:
    """The bytes of a blob as they are stored. Raises ImageError at the first read that proves them wrong."""

    def __init__(self, source: FileSlice, blob: Blob, label: str, meter: Meter | None = None) -> None:
        self._source = source
        self.room: Room | None = None
        self._blob = blob
        self._label = label
        self._meter = meter
        self._hash = None if blob.digest is None else ALGORITHMS[blob.digest.algorithm]()
        self._left = blob.size
        self._ended = False

    def read(self, size: int, /) -> Content:
        if self._ended:
            return b""
        # One byte more than is left at the most: enough to see that there are more, and never a read without end.
        content = self._read(min(size, self._left + 1))
        if len(content) > self._left:
            raise ImageError(f"{self._label}: more bytes than the {self._blob.size} that are stated")
        if not content:
            self._end()
            return b""
        self._left -= len(content)
        if self._hash is not None:
            self._hash.update(content)
        if self._meter is not None:
            self._meter(len(content))
        return content

    def _read(self, size: int) -> Content:
        if self.room is None:
            return self._source.read(size)
        room = self.room(size)
        return room[: self._source.read_into(room)]

    @property
    def taken(self) -> int:
        """How many bytes were read."""
        return self._blob.size - self._left

    def _end(self) -> None:
        self._ended = True
        if self._left:
            raise ImageError(f"{self._label}: {self.taken} bytes, but {self._blob.size} are stated")
        _compare(self._label, "digest", self._blob.digest, self._hash)

    def finish(self) -> None:
        _drain(self)


class _LayerStream:
    """The uncompressed bytes of a layer, out of `pieces`; `named` says that their digest is checked already."""

    def __init__(self, layer: Layer, pieces: Iterator[_Piece], meter: Meter, *, named: bool) -> None:
        self._layer = layer
        self._pieces = pieces
        self._meter = meter
        self._hash = None if named else ALGORITHMS[layer.diff_id.algorithm]()
        self._rest = memoryview(b"")

    def read(self, size: int, /) -> Content:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                _compare(label_of(self._layer), "diff_id", self._layer.diff_id, self._hash)
                return b""
            # Counted here and not in the thread: what has been read by now must not depend on how far it is ahead.
            self._meter(piece.stored)
            if self._hash is not None:
                self._hash.update(piece.content)
            if len(piece.content) <= size:
                if piece.content:
                    return piece.content
                continue
            self._rest = memoryview(piece.content)
        content, self._rest = self._rest[:size], self._rest[size:]
        return bytes(content)

    def finish(self) -> None:
        _drain(self)


class _Finished(Protocol):
    def finish(self) -> None: ...


def label_of(layer: Layer) -> str:
    """How messages name a layer."""
    return f"layer {layer.blob.digest or layer.diff_id}"


def _read(content: ContentStream, stored: _StoredStream, label: str) -> Iterator[_Piece]:
    """What `content` makes of the stored bytes, to the end of both."""
    taken = 0
    try:
        while piece := content.read(_PIECE):
            yield _Piece(piece, stored.taken - taken)
            taken = stored.taken
    except DamagedError as error:
        # If the bytes cannot be decoded, say first whether they are the bytes that were stated at all.
        stored.finish()
        raise ImageError(f"{label}: {error}", hint=error.hint) from error
    stored.finish()
    yield _Piece(b"", stored.taken - taken)


@contextmanager
def open_layer(layer: LocalLayer, meter: Meter, room: Room | None = None) -> Iterator[CheckedStream]:
    """The uncompressed bytes of `layer`; `meter` counts the stored ones. What need not be decompressed is read into the
    `room`, if there is one.

    Raises ImageError, naming the layer: from `read` for what is wrong by then, from `finish` for the rest. What is
    said of `explained` holds for this context, too.
    """
    label = label_of(layer)
    with ExitStack() as holding:
        stored = _StoredStream(holding.enter_context(layer.open()), layer.blob, label)
        compression, content = decompress(cast("ByteStream", stored))  # without a room yet, it gives bytes
        pieces = _read(content, stored, label)
        if compression is not NONE:
            pieces = holding.enter_context(read_ahead(pieces))
        else:
            stored.room = room
        # Uncompressed, and both names the same: the one hash of the stored bytes says it all.
        named = compression is NONE and layer.blob.digest == layer.diff_id
        stream = _LayerStream(layer, pieces, meter, named=named)
        with explained(stream, label):
            yield stream


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A part of a layer's uncompressed bytes, read when it is iterated over, and good when that ends."""

    layer: LocalLayer
    offset: int
    size: int

    def __iter__(self) -> Iterator[bytes]:
        if not self.size:
            return
        with open_layer(self.layer, lambda _size: None) as stream:
            skipped, left = 0, self.size
            while left and (piece := stream.read(_CHUNK)):
                part = bytes(piece[max(0, self.offset - skipped) :][:left])
                skipped += len(piece)
                left -= len(part)
                if part:
                    yield part
            stream.finish()


@contextmanager
def explained(stream: _Finished, label: str) -> Iterator[None]:
    """A DamagedError that passes through this context (the tar archive is damaged) becomes an ImageError with `label`.

    But first the rest of the layer is read: that its digest is wrong is the better explanation.
    """
    try:
        yield
    except DamagedError as error:
        stream.finish()
        raise ImageError(f"{label}: {error}", hint=error.hint) from error


@contextmanager
def open_blob(layer: LocalLayer, meter: Meter) -> Iterator[CheckedStream]:
    """The bytes of `layer` as they are stored, checked for size and, where one is stated, digest."""
    blob = layer.blob
    label = "blob without a digest" if blob.digest is None else f"blob {blob.digest}"
    with layer.open() as source:
        yield _StoredStream(source, blob, label, meter)


def _drain(stream: ContentStream) -> None:
    while stream.read(_CHUNK):
        pass


def _compare(label: str, what: str, stated: Digest | None, content: "hashlib._Hash | None") -> None:
    if stated is None or content is None:
        return
    digest = Digest(stated.algorithm, content.hexdigest())
    if digest != stated:
        name = "" if f"{stated}" in label else f" {stated}"
        raise ImageError(f"{label}: its {what} is {digest}, not the one stated{name}")


def fill(filler: Filler, layers: tuple[LayerFacts, ...]) -> None:
    """Put each layer as a part of the stream, with the numbers of stored bytes that were read for it."""
    for facts in layers:
        stored = Stored()
        with open_layer(layer_of(facts), stored, filler.room) as stream:
            while content := stream.read(_PIECE):
                filler.put(content, stored.taken())
            stream.finish()
        filler.end_part(stored.taken())
