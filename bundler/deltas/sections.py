"""Writing a delta: operations, and the bytes that they need, are gathered into sections.

What makes up a section is kept in memory, but for its frames, which wait in a temporary file: a section begins with its
operations.
"""

import hashlib
from collections.abc import Callable
from io import BufferedRandom
from typing import Final

from bundler.archives.stream import Content
from bundler.archives.tar_writer import BLOCK
from bundler.deltas.base import Base
from bundler.deltas.differences import Run, compare
from bundler.deltas.format import (
    LENGTH,
    MAGIC,
    MOST,
    WORTH,
    Document,
    End,
    Section,
    most_dictionary,
)
from bundler.deltas.frames import compress
from bundler.deltas.gzipped import Gzipped
from bundler.deltas.operations import Add, Again, Copy, Fresh, Gzip, Heads, OperationWriter, Patch, Range, Small

_HEADS: Final = 1 << 20
_SMALL: Final = 4 << 20
_OPERATIONS: Final = 1 << 20
_FRAMES: Final = 64 << 20
_COPY: Final = 1 << 20
_OF_RUN: Final = 5  # bytes of the operations for each part that is compared, about
_AROUND: Final = 1 << 16  # bytes of the base's heads behind the last one that is known

Write = Callable[[Content], object]


class Sections:
    """Writes the sections. It is given the archive in its order; frames wait in the temporary file `stored`."""

    def __init__(self, base: Base, write: Write, stored: BufferedRandom, level: int) -> None:
        self._base = base
        self._level = level
        self._stored = stored
        self._file = hashlib.sha256()
        self._result = hashlib.sha256()
        self._size = 0
        self._put: Write = write
        self._frames = 0  # bytes of those of all sections before this one
        self._made: dict[bytes, Again] = {}  # what frames were made of
        self._begin()

    def _begin(self) -> None:
        self._heads, self._small, self._operations = bytearray(), bytearray(), OperationWriter()
        self._differences = bytearray()
        self._known: tuple[int, int] | None = None
        self._stored.seek(0)
        self._stored.truncate()

    def begin(self, document: Document) -> None:
        """Write what stands before the sections."""
        content = document.encode()
        self._write(MAGIC + LENGTH.pack(len(content)) + content)

    def head(self, content: bytes, known: int | None = None) -> None:
        """Add the head of a file; `known` is where the base has the head of the file at the same path."""
        self._make_room(len(content))
        self._produce(bytes(-self._size % BLOCK))
        self._produce(content)
        for at in range(0, len(content), MOST):
            if at:
                self._end_section()
            part = content[at : at + MOST]
            self._heads += part
            self._operations.add(Heads(len(part)))
        if known is not None:
            first, last = self._known or (known, known)
            self._known = min(first, known), max(last, known)

    def copy(self, number: int, content_size: int) -> None:
        """Add content that is that of a whole file of the base."""
        self._make_room()
        self._operations.add(Copy(number))
        for at in range(0, content_size, _COPY):
            self._produce(self._base.read(number, at, min(_COPY, content_size - at)))

    def range(self, number: int, at: int, content: bytes) -> None:
        """Add `content`, which is the same as the part of a file of the base from `at` on."""
        self._make_room()
        self._operations.add(Range(number, at, len(content)))
        self._produce(content)

    def patch(self, number: int, at: int, content: bytes) -> None:
        """Add content that is nearly the same as a file of the base from `at` on."""
        self._make_room()
        if self.again(content):
            return
        around = min(most_dictionary(len(content)) - len(content), len(content) + (64 << 10)) // 2
        size = self._base.size(number)
        first = max(0, at - around)
        last = min(size, at + len(content) + around, first + most_dictionary(len(content)))
        if last <= first:
            self.fresh(content)
            return
        known = self._base.read(number, first, last - first)
        frame = compress(content, known, self._level)
        if self._differ(content, known, number, first, len(frame)):
            return
        self._operations.add(Patch(number, first, last - first, len(content), len(frame)))
        self._keep(content, frame, number, first, last - first)

    def _differ(self, content: bytes, known: bytes, number: int, first: int, most: int) -> bool:
        """Whether it takes less than `most` bytes to say how the content differs, byte by byte, from `known`, which is
        a part of a file of the base from `first` on: then that is said.
        """
        if most < WORTH:
            return False
        compared = compare(content, known)
        sizes = [len(compress(part, b"", self._level)) for part in (compared.differences, compared.others)]
        if sum(sizes) + _OF_RUN * len(compared.runs) >= most:
            return False
        self._make_room(small=len(compared.others), differences=len(compared.differences))
        self._differences += compared.differences
        self._small += compared.others
        at = 0
        for start, end, shift in (*compared.runs, Run(len(content), len(content), 0)):
            if at < start:
                self._operations.add(Small(start - at))
            if start < end:
                self._operations.add(Add(number, first + start + shift, end - start))
            at = end
        self._produce(content)
        return True

    def gzip(self, parts: Gzipped, content: bytes, number: int, known: bytes) -> None:
        """Add a file that gzip makes of `parts`; `known` is the beginning of the text of a gzip file of the base."""
        self._make_room()
        frame = compress(parts.header + parts.text, known, self._level)
        size = len(parts.header) + len(parts.text)
        self._operations.add(Gzip(number, len(known), len(parts.header), size, len(frame)))
        self._stored.write(frame)
        self._produce(content)

    def small(self, content: bytes) -> None:
        """Add the content of a small file that is like none of the base."""
        self._make_room()
        self._small += content
        self._operations.add(Small(len(content)))
        self._produce(content)

    def fresh(self, content: bytes) -> None:
        """Add a part of a file that is like none of the base."""
        self._make_room()
        if self.again(content):
            return
        frame = compress(content, b"", self._level)
        self._operations.add(Fresh(len(content), len(frame)))
        self._keep(content, frame, 0, 0, 0)

    def again(self, content: bytes) -> bool:
        """Whether the content was made of an earlier frame, and now is once more."""
        known = self._made.get(hashlib.sha256(content).digest())
        if known is None:
            return False
        self._operations.add(known)
        self._produce(content)
        return True

    def _keep(self, content: bytes, frame: bytes, file: int, at: int, known: int) -> None:
        place = self._frames + self._stored.tell()
        if len(content) >= WORTH:
            again = Again(file, at, known, len(content), len(frame), place)
            self._made[hashlib.sha256(content).digest()] = again
        self._stored.write(frame)
        self._produce(content)

    def end(self) -> None:
        """Write the last section, and what the result has to be."""
        if self._operations.content:
            self._end_section()
        self._write(Section().encode() + End(self._size, self._result.digest()).encode())
        self._put(self._file.digest())

    def _make_room(self, heads: int = 0, small: int = 0, differences: int = 0) -> None:
        """End a section that has enough of anything, or would have with so many bytes more."""
        if (
            len(self._heads) + heads > _HEADS
            or max(len(self._small) + small, len(self._differences) + differences) > _SMALL
            or len(self._operations.content) > _OPERATIONS
            or self._stored.tell() > _FRAMES
        ) and self._operations.content:
            self._end_section()

    def _produce(self, content: Content) -> None:
        self._result.update(content)
        self._size += len(content)

    def _end_section(self) -> None:
        at, size = self._known_heads()
        heads = compress(bytes(self._heads), self._base.heads(at, size), self._level)
        operations = compress(bytes(self._operations.content), b"", self._level)
        small = compress(bytes(self._small), b"", self._level)
        differences = compress(bytes(self._differences), b"", self._level)
        section = Section(
            *(len(self._heads), len(heads), at, size, len(self._operations.content), len(operations)),
            *(len(self._small), len(small), len(self._differences), len(differences), self._stored.tell()),
        )
        self._write(section.encode() + heads + operations + small + differences)
        self._frames += self._stored.tell()
        self._stored.seek(0)
        while part := self._stored.read(_COPY):
            self._write(part)
        self._begin()

    def _known_heads(self) -> tuple[int, int]:
        if self._known is None:
            return 0, 0
        first, last = self._known
        size = min(last - first + _AROUND, most_dictionary(len(self._heads)), self._base.heads_size - first)
        return first, size

    def _write(self, content: Content) -> None:
        self._file.update(content)
        self._put(content)
