"""A file that grows is written to its disk from the beginning on: who waits for all of it in the end waits less.

The kernel would begin some seconds later by itself, and a build has ended by then.
"""

import ctypes
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# sync_file_range(2): SYNC_FILE_RANGE_WRITE. Python has no such call.
_BEGIN: Final = 2
_STRETCH: Final = 16 << 20


class EarlyWriting:
    """Tells the kernel, in a thread of its own, since it waits where the disk has enough to do."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._told = 0
        self._ends: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def reached(self, end: int) -> None:
        """The file is written up to there."""
        if end - self._told >= _STRETCH:
            self._ends.put(end)
            self._told = end

    def _work(self) -> None:
        libc, begin = ctypes.CDLL(None), 0
        while (end := self._ends.get()) is not None:
            # That it fails means that nothing is begun.
            libc.sync_file_range(self._descriptor, ctypes.c_int64(begin), ctypes.c_int64(end - begin), _BEGIN)
            begin = end

    @contextmanager
    def working(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._ends.put(None)
            thread.join()
