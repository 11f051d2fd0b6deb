"""What a worker makes ahead of this process: small items in batches, and large content beside them in shared memory.

Threads share one interpreter, in which only one of them runs Python at a time. Where there is much Python on both
sides, a process for each is what uses two processors: the whole of a build with many small files becomes a third
faster.

Items are what `marshal` can write: numbers, bytes, tuples and dictionaries of them, trusted because we made them.
"""

import marshal
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from bundler.workers.messages import LENGTH, Failure, Other, raise_failure, read_exactly, write_all

Item = tuple[Any, ...]

# Content that was sent and not used yet. More only leaves the processors' caches.
RING: Final = 4 << 20
# The most that lies in one piece: a quarter, so that there is something to do on both sides.
LARGEST_CONTENT: Final = RING // 4
# A batch goes out when it has so many items, or they weigh so much. One by one, waking each other would take most time.
_MOST_ITEMS: Final = 256
_LARGEST_BATCH: Final = 512 * 1024
_POSITION: Final = struct.Struct("<Q")


class Sender:
    """The side of the process that makes the items."""

    def __init__(self, ring: mmap.mmap, batches: int, permits: int) -> None:
        """`batches` and `permits` are the ends of pipes: one to write to, one to read from."""
        self._ring = memoryview(ring)
        self._batches = batches
        self._permits = permits
        self._filled = 0  # bytes of content so far; where they lie is this modulo the size of the ring
        self._sent = 0  # of these, the ones whose items are on their way or waiting to be
        self._announced = 0
        self._freed = 0
        self._items: list[Item] = []
        self._weight = 0

    def room(self, size: int) -> tuple[int, memoryview]:
        """A place for at most LARGEST_CONTENT bytes: its number, and the place itself.

        It is to be filled, and an item sent that names it, before there is the next.
        """
        self._sent = self._filled
        at = self._filled % RING
        skipped = RING - at if at + size > RING else 0
        filled = self._filled + skipped + size
        while filled - self._freed > RING:
            if self._items or self._announced < self._sent:
                self._send_batch()
            (self._freed,) = _POSITION.unpack(read_exactly(self._permits, _POSITION.size))
        self._filled = filled
        self._weight += size
        at = 0 if skipped else at
        return at, self._ring[at : at + size]

    def send(self, item: Item, weight: int = 0) -> None:
        """Send `item`, soon; `weight` is how many bytes it takes where that is not few."""
        self._items.append(item)
        self._weight += weight
        if self._weight >= _LARGEST_BATCH or len(self._items) >= _MOST_ITEMS:
            self._send_batch()

    def _send_batch(self) -> None:
        # Not `_filled`: a batch may go out while a place is being filled, which must not be taken for used up.
        batch = marshal.dumps((self._sent, self._items))
        write_all(self._batches, LENGTH.pack(len(batch)) + batch)
        self._announced = self._sent
        self._items.clear()
        self._weight = 0

    def finish(self, failure: Failure | None) -> None:
        """Say that there is no more, and the reason if it is not that this was all."""
        self._items.append((None, failure))
        self._send_batch()


class Receiver:
    """The side of the process that uses them: iterates over the items, once."""

    def __init__(self, worker: Other, ring: mmap.mmap, batches: int, permits: int) -> None:
        self._worker = worker
        self._ring = memoryview(ring)
        self._batches = batches
        self._permits = permits

    def __iter__(self) -> Iterator[Item]:
        """Raises what the worker has failed at, and how it ended if it did not say."""
        while True:
            try:
                (length,) = LENGTH.unpack(read_exactly(self._batches, LENGTH.size))
                used, batch = marshal.loads(read_exactly(self._batches, length))  # noqa: S302 -- our own
            except EOFError:
                raise self._worker.how_it_ended() from None
            for item in batch:
                if item[0] is None:
                    if item[1] is not None:
                        raise_failure(item[1], self._worker.name)
                    return
                yield item
            with suppress(BrokenPipeError):  # it has sent all and ended, or was killed, as the next batch will tell
                os.write(self._permits, _POSITION.pack(used))

    def content(self, at: int, size: int) -> memoryview:
        """What lies at a place that an item named; good until the next item."""
        return self._ring[at : at + size]
