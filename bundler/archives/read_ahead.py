"""What one thread makes and another uses, a few items ahead: decompression and hashes on other processors.

isal, zstandard and hashlib let go of the interpreter's lock while they work, so threads are enough; an item has to be
large (some 100 KiB) for the exchange to cost nothing beside it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_DEPTH: Final = 8


class _Ended:
    """The last thing in a queue: why there is no more, None for no other reason than that it is all."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Ahead(Generic[T]):
    """Iterates over `items` in a thread of its own.

    Two queues that never block who puts something in: finished items one way, permissions to make one more the other
    way. A lock that is held for a few lines of Python would be left locked by a Ctrl-C between them, and a thread that
    waits for it then would never end; SimpleQueue is written in C and has no such moment.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._made: SimpleQueue[T | _Ended] = SimpleQueue()
        self._allowed: SimpleQueue[None] = SimpleQueue()
        for _ in range(_DEPTH):
            self._allowed.put(None)
        self._closed = False
        # A daemon: should even `close` be interrupted, the interpreter does not wait for it.
        self._thread = threading.Thread(target=self._make, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = self._made.get()
        if isinstance(item, _Ended):
            self._made.put(item)  # for the next time
            if item.error is not None:
                raise item.error
            raise StopIteration
        self._allowed.put(None)
        return item

    def close(self) -> None:
        """End the thread, whatever it is waiting for."""
        self._closed = True
        self._allowed.put(None)
        self._thread.join()

    def _make(self) -> None:
        ended = _Ended()
        try:
            # An item goes out as soon as it is made, and the next one is begun only when it is allowed.
            while True:
                self._allowed.get()
                if self._closed:
                    break
                self._made.put(next(self._items))
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001 -- KeyboardInterrupt, and what the others raise
            ended = _Ended(error)
        self._made.put(ended)


@contextmanager
def read_ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """All of `items`, each made before it is asked for, at most eight of them. What `items` raises is raised in turn.

    After the context, nothing is running any more; `items` need not have come to its end.
    """
    ahead = _Ahead(items)
    try:
        yield ahead
    finally:
        ahead.close()
