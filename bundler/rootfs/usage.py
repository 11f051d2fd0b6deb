"""What an image has used up of its limits so far, counted while its layers stream."""

from collections.abc import Sequence
from typing import Final

from bundler.archives.entry import Entry
from bundler.errors import LayerError, printable
from bundler.images.image import CheckedStream, Layer
from bundler.limits import RATIO_COUNTS_FROM, Limits, raise_hint

_CHUNK: Final = 1 << 20


class Usage:
    """Counts over all layers of one image. Its methods raise LayerError once a limit is passed.

    What is counted is the uncompressed stream and not the sizes that headers state: this also bounds PAX records,
    what hides behind the end of an archive, and the time that reading takes. The holes of a sparse file cost nothing
    and count for nothing.
    """

    def __init__(self, limits: Limits, layers: Sequence[Layer]) -> None:
        """Raises LayerError at once if `layers` are too large as they are stored: then nothing is fetched or read."""
        self.limits = limits
        self.unpacked = 0
        self.entries = 0
        stored = sum(layer.blob.size for layer in layers)
        # What cannot be compressed becomes a little larger by the attempt.
        if stored - stored // 64 > limits.unpacked_size:
            raise LayerError(
                f"the layers are {stored} bytes already as they are stored, over {limits.unpacked_size}",
                hint=raise_hint("unpacked_size"),
            )

    def count(self, label: str, size: int) -> None:
        """`size` more bytes came out of what `label` names."""
        self.unpacked += size
        if self.unpacked > self.limits.unpacked_size:
            raise LayerError(
                f"{label}: the layers unpack to more than {self.limits.unpacked_size} bytes",
                hint=raise_hint("unpacked_size"),
            )

    def weigh(self, label: str, unpacked: int, stored: int) -> None:
        """`stored` bytes have become `unpacked` ones."""
        ratio = self.limits.compression_ratio
        if unpacked > RATIO_COUNTS_FROM and unpacked > ratio * stored:
            raise LayerError(
                f"{label}: {stored} compressed bytes became more than {ratio} times as many",
                hint=raise_hint("compression_ratio"),
            )

    def admit(self, label: str, entry: Entry) -> None:
        """One more entry is about to be applied."""
        self.entries += 1
        if self.entries > self.limits.entries:
            raise LayerError(
                f"{label}: the layers have more than {self.limits.entries} entries", hint=raise_hint("entries")
            )
        if len(entry.name) > self.limits.path_length:
            name = printable(entry.name[:80])
            raise LayerError(
                f"{label}: {name}...: the path is too long: {len(entry.name)} bytes, over {self.limits.path_length}",
                hint=raise_hint("path_length"),
            )


class CountedStream:
    """A layer's uncompressed bytes, counted as they come out; `took` is told of the stored bytes that went in."""

    def __init__(self, stream: CheckedStream, usage: Usage, label: str, stored: "Stored") -> None:
        self._stream = stream
        self._usage = usage
        self._label = label
        self._stored = stored
        self._size = 0

    def read(self, size: int, /) -> bytes:
        content = self._stream.read(size)
        self._size += len(content)
        self._usage.count(self._label, len(content))
        self._usage.weigh(self._label, self._size, self._stored.size)
        return content

    def finish(self) -> None:
        """Read what is left, which counts too, and check it all. Raises ImageError, LayerError."""
        while self.read(_CHUNK):
            pass
        self._stream.finish()


class Stored:
    """A meter of the stored bytes of one layer that were read."""

    def __init__(self) -> None:
        self.size = 0

    def __call__(self, count: int, /) -> None:
        self.size += count
