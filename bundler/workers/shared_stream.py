"""A stream of bytes that one process fills and two others use, in shared memory that is filled again and again.

    the filler puts bytes -> the reader reads them, in order -> the owner is told where in the stream some of them are

The byte at an offset of the stream lies at this offset modulo the size of the memory, until the owner says that nobody
needs it any more. So what the reader has found can be told by its offset, and content is never copied.
"""

import mmap
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from bundler.errors import BundlerError
from bundler.workers.processes import connected_process, raise_pickled, read_exactly, write_all

# Bytes that lie between who fills and who uses them last. More only leaves the processors' caches.
SIZE: Final = 8 << 20
# It is not said more often than each so many bytes that they are free: what was said and not asked for stays in a pipe,
# which can hold only so much.
_STEP: Final = 1 << 20
_POSITION: Final = struct.Struct("<Q")
_PUT: Final = struct.Struct("<QQ")  # how many bytes there are more, and the filler's own number
_END: Final = (1 << 64) - 1  # in the place of a number of bytes; the other is the size of a pickled exception


class Filler:
    """The side of the process that puts the bytes."""

    def __init__(self, memory: mmap.mmap, said: int, freed: int) -> None:
        """`said` and `freed` are the ends of pipes: one to write to, one to read from."""
        self._memory = memoryview(memory)
        self._said = said
        self._freed = freed
        self._position = 0
        self._free_to = SIZE

    def put(self, content: bytes | memoryview, number: int) -> None:
        """The next bytes, at most 1 MiB, with a number that the reader adds up."""
        start, end = self._position, self._position + len(content)
        while end > self._free_to:
            self._free_to = _POSITION.unpack(read_exactly(self._freed, _POSITION.size))[0] + SIZE
        at = start % SIZE
        fitting = min(len(content), SIZE - at)
        self._memory[at : at + fitting] = content[:fitting]
        self._memory[: len(content) - fitting] = content[fitting:]
        self._position = end
        write_all(self._said, _PUT.pack(len(content), number))

    def finish(self, error: bytes | None) -> None:
        """Say that there is no more, and the exception that is the reason if it is not that this was all."""
        write_all(self._said, _PUT.pack(_END, len(error or b"")) + (error or b""))


class SharedStream:
    """The sides of the reader and of the owner, which may be one process or two."""

    def __init__(self, memory: mmap.mmap, said: int, freed: int) -> None:
        self._memory = memoryview(memory)
        self._said = said
        self._freed = freed
        self._end = 0
        self._ended = False
        self._told = 0
        self.position = 0
        self.number = 0

    def read(self, size: int, /) -> memoryview:
        """1 to `size` bytes, or none at the end; they are good until they are freed.

        Afterwards, `position` is where the stream goes on, and `number` the sum of those that came along. Raises what
        the filler ended with; BundlerError if it was killed.
        """
        while self.position == self._end and not self._ended:
            self._receive()
        at = self.position % SIZE
        size = min(size, self._end - self.position, SIZE - at)
        self.position += size
        return self._memory[at : at + size]

    def _receive(self) -> None:
        try:
            more, number = _PUT.unpack(read_exactly(self._said, _PUT.size))
            error = read_exactly(self._said, number) if more == _END and number else None
        except EOFError:
            raise BundlerError(
                "the process that reads the layer was killed", hint="was there too little memory?"
            ) from None
        if error is not None:
            raise_pickled(error)
        if more == _END:
            self._ended = True
        else:
            self._end += more
            self.number += number

    def leave_to_owner(self) -> None:
        """For a reader that is another process than the owner: the filler has to see it when the owner is gone."""
        os.close(self._freed)

    def content(self, offset: int, size: int) -> tuple[memoryview, ...]:
        """What was read there and is not free yet, in one or two parts."""
        at = offset % SIZE
        if at + size <= SIZE:
            return (self._memory[at : at + size],)
        return self._memory[at:], self._memory[: at + size - SIZE]

    def free(self, position: int) -> None:
        """Nobody needs what comes before `position` any more."""
        if position - self._told >= _STEP:
            self._told = position
            with suppress(BrokenPipeError):  # it has put all and ended, or was killed, as the reader will find out
                os.write(self._freed, _POSITION.pack(position))


@contextmanager
def filled_apart(fill: Callable[[Filler], None]) -> Iterator[SharedStream]:
    """What `fill` puts, in a process that does nothing else. After the context, the process is gone."""
    with connected_process(Filler, fill, SIZE) as ends:
        yield SharedStream(*ends)
