"""What an image has used up of its limits so far, counted while its layers stream."""

from collections.abc import Sequence

from bundler.archives.entry import Entry, FileBatch
from bundler.errors import LayerError, printable
from bundler.images.layer import Layer
from bundler.limits import RATIO_COUNTS_FROM, Limits, raise_hint
from bundler.rootfs.paths import join
from bundler.sizes import readable_size


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
                f"the layers are {readable_size(stored)} already as they are stored, over "
                f"{readable_size(limits.unpacked_size)}",
                hint=raise_hint("unpacked_size"),
            )

    def of_layer(self, label: str) -> "LayerUsage":
        """A count for the layer that `label` names."""
        return LayerUsage(self, label)

    def count(self, label: str, size: int) -> None:
        """`size` more bytes came out of what `label` names."""
        self.unpacked += size
        if self.unpacked > self.limits.unpacked_size:
            raise LayerError(
                f"{label}: the layers unpack to more than {readable_size(self.limits.unpacked_size)}",
                hint=raise_hint("unpacked_size"),
            )

    def weigh(self, label: str, unpacked: int, stored: int) -> None:
        """`stored` bytes have become `unpacked` ones."""
        ratio = self.limits.compression_ratio
        if unpacked > RATIO_COUNTS_FROM and unpacked > ratio * stored:
            raise LayerError(
                f"{label}: {readable_size(stored)}, compressed, became more than {ratio} times as much",
                hint=raise_hint("compression_ratio"),
            )

    def admit(self, label: str, entry: Entry | FileBatch) -> None:
        """One more entry is about to be applied, or several."""
        if isinstance(entry, FileBatch):
            self.entries += len(entry.rows)
            name = join(entry.directory, max((row[0] for row in entry.rows), key=len))
        else:
            self.entries += 1
            name = entry.name
        if self.entries > self.limits.entries:
            raise LayerError(
                f"{label}: the layers have more than {self.limits.entries} entries", hint=raise_hint("entries")
            )
        if len(name) > self.limits.path_length:
            raise LayerError(
                f"{label}: {printable(name[:80])}...: the path is too long: {len(name)} bytes, "
                f"over {self.limits.path_length}",
                hint=raise_hint("path_length"),
            )


class LayerUsage:
    """Counts for one layer: called with the stored bytes that went in and the uncompressed ones that came out."""

    def __init__(self, usage: Usage, label: str) -> None:
        self._usage = usage
        self._label = label
        self._stored = 0
        self._size = 0

    def __call__(self, stored: int, size: int, /) -> None:
        self._stored += stored
        self._size += size
        self._usage.count(self._label, size)
        self._usage.weigh(self._label, self._size, self._stored)
