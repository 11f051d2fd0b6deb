"""A stream that tells how much of it was read, and from how many stored bytes that came."""

from collections.abc import Callable
from typing import Final

from bundler.images.layer import CheckedStream

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

    def read(self, size: int, /) -> bytes:
        content = self._stream.read(size)
        self._count(self._stored.taken(), len(content))
        return content

    def finish(self) -> None:
        """Read what is left, which counts too, and check it all. Raises what the stream and the count raise."""
        while self.read(_CHUNK):
            pass
        self._stream.finish()
