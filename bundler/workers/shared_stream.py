"""A stream of bytes that a worker fills and two processes use, in shared memory that is filled again and again.

    the filler puts bytes -> the reader reads them, in order -> the owner is told where in the stream some of them are

The stream has parts: the reader reads each to its end, while the filler may be in the next one already.

The byte at an offset of the stream lies at this offset modulo the size of the memory, until the owner says that it
is needed no more. So what the reader has found can be told by its offset, and content is never copied.
"""

import marshal
import mmap
import os
import struct
from contextlib import suppress
from typing import Final, Self

from bundler.workers.messages import Failure, Other, Peer, raise_failure, read_exactly, write_all

# Bytes that lie between who fills and who uses them last. More only leaves the processors' caches.
SIZE: Final = 8 << 20
# The reader tells the filler that bytes are free only once in so many of them: each message waits in a pipe, which has
# room for a limited number.
_STEP: Final = 1 << 20
_POSITION: Final = struct.Struct("<Q")
_PUT: Final = struct.Struct("<QQ")  # how many bytes there are more, and the filler's own number
# In the place of a number of bytes: a part has ended; it was the last one, and the other number is that of the bytes
# which say why, if there are any.
_PART: Final = (1 << 64) - 2
_END: Final = (1 << 64) - 1


class Filler:
    """The side of the process that puts the bytes."""

    def __init__(self, memory: mmap.mmap, filled: int, freed: int) -> None:
        """`filled` and `freed` are the ends of pipes: one to write to, one to read from."""
        self._memory = memoryview(memory)
        self._filled = filled
        self._freed = freed
        self._position = 0
        self._free_to = SIZE

    def room(self, size: int) -> memoryview:
        """Where the next bytes are to lie, for 1 to `size` of them, at most 1 MiB; to be filled before they are put."""
        at = self._position % SIZE
        size = min(size, SIZE - at)
        self._wait(self._position + size)
        return self._memory[at : at + size]

    def put(self, content: bytes | memoryview, number: int) -> None:
        """The next bytes, at most 1 MiB, with a number that the reader adds up. Those in the room are not copied."""
        start, end = self._position, self._position + len(content)
        if not isinstance(content, memoryview) or content.obj is not self._memory.obj:
            self._wait(end)
            at = start % SIZE
            fitting = min(len(content), SIZE - at)
            self._memory[at : at + fitting] = content[:fitting]
            self._memory[: len(content) - fitting] = content[fitting:]
        self._position = end
        write_all(self._filled, _PUT.pack(len(content), number))

    def _wait(self, end: int) -> None:
        """Wait until what lies up to the position `end` may be taken."""
        while end > self._free_to:
            self._free_to = _POSITION.unpack(read_exactly(self._freed, _POSITION.size))[0] + SIZE

    def end_part(self, number: int) -> None:
        """What is put from here on is the next part. The reader adds the number up, too."""
        write_all(self._filled, _PUT.pack(_PART, number))

    def finish(self, failure: Failure | None) -> None:
        """Say that there is no more, and the reason if it is not that this was all."""
        reason = b"" if failure is None else marshal.dumps(failure)
        write_all(self._filled, _PUT.pack(_END, len(reason)) + reason)


class SharedStream:
    """The sides of the reader and of the owner, which may be one process or two."""

    def __init__(self, filler: Other, memory: mmap.mmap, filled: int, freed: int) -> None:
        self.filler = filler
        self._memory = memoryview(memory)
        self._filled = filled
        self._freed = freed
        self._end = 0
        self._part_ended = False
        self._ended = False
        self._told = 0
        self.position = 0
        self.number = 0

    @classmethod
    def handed_over(cls, filler: str, memory: int, filled: int) -> Self:
        """The side of a reader that is another worker, out of the descriptors that the owner has of it.

        `filler` is what messages call the worker that fills it.
        """
        return cls(Peer(filler), mmap.mmap(memory, SIZE), filled, freed=-1)

    def read(self, size: int, /) -> memoryview:
        """1 to `size` bytes, or none once at the end of each part; they are good until they are freed.

        Afterwards, `position` is where the stream goes on, and `number` the sum of those that came along. Raises what
        the filler has failed at, and how it ended if it did not say.
        """
        while self.position == self._end and not self._ended and not self._part_ended:
            self._receive()
        self._part_ended = False
        at = self.position % SIZE
        size = min(size, self._end - self.position, SIZE - at)
        self.position += size
        return self._memory[at : at + size]

    def _receive(self) -> None:
        try:
            more, number = _PUT.unpack(read_exactly(self._filled, _PUT.size))
            reason = read_exactly(self._filled, number) if more == _END and number else None
        except EOFError:
            raise self.filler.how_it_ended() from None
        if reason is not None:
            raise_failure(marshal.loads(reason), self.filler.name)  # noqa: S302 -- our own
        if more == _END:
            self._ended = True
        elif more == _PART:
            self._part_ended = True
            self.number += number
        else:
            self._end += more
            self.number += number

    def content(self, offset: int, size: int) -> tuple[memoryview, ...]:
        """What was read there and is not free yet, in one or two parts."""
        at = offset % SIZE
        if at + size <= SIZE:
            return (self._memory[at : at + size],)
        return self._memory[at:], self._memory[: at + size - SIZE]

    def free(self, position: int) -> None:
        """What comes before `position` is needed no more."""
        if position - self._told >= _STEP:
            self._told = position
            with suppress(BrokenPipeError):  # it has put all and ended, or was killed, as the reader will find out
                os.write(self._freed, _POSITION.pack(position))
