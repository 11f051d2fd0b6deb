"""A part of an open file: a descriptor, an offset and a size. Workers that read layers need nothing else."""

import os


class FileSlice:
    """`size` bytes of an open file, from `offset` on, read by position: many may be open on one descriptor."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self.descriptor = descriptor
        self.offset = offset
        self.size = size
        self._position = 0

    @property
    def place(self) -> tuple[int, int, int]:
        """What tells it from all other files: those of one place have the same content."""
        status = os.fstat(self.descriptor)
        return status.st_dev, status.st_ino, self.offset

    def read(self, size: int, /) -> bytes:
        """1 to `size` bytes, or none at the end, also when the file turned out shorter than it said."""
        content = os.pread(self.descriptor, min(size, self.size - self._position), self.offset + self._position)
        self._position += len(content)
        return content

    def skip(self, size: int, /) -> None:
        self._position = min(self._position + size, self.size)
