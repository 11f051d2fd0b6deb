"""The operations of a delta, which make the archive step by step, and how they are written as bytes."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from bundler.archives.stream import DamagedError

_SEVEN: Final = 0x7F
_MORE: Final = 0x80
_LONGEST: Final = 63  # bits of a number


class Heads(NamedTuple):
    """Zeros up to a whole block, then the next `size` bytes of the section's heads."""

    size: int


class Copy(NamedTuple):
    """The whole content of a file of the base."""

    file: int


class Range(NamedTuple):
    """A part of the content of a file of the base."""

    file: int
    at: int
    size: int


class Patch(NamedTuple):
    """The next frame, `stored` bytes that become `size`, with a part of a file of the base as dictionary."""

    file: int
    at: int
    known: int
    size: int
    stored: int


class Small(NamedTuple):
    """The next `size` bytes of the section's small files."""

    size: int


class Fresh(NamedTuple):
    """The next frame, `stored` bytes that become `size`."""

    size: int
    stored: int


class Again(NamedTuple):
    """An earlier frame once more: the fields of a Patch, and the frame's place among all frames of the delta."""

    file: int
    at: int
    known: int
    size: int
    stored: int
    place: int


class Gzip(NamedTuple):
    """The next frame, `stored` bytes that become `size`: `header` bytes, and then what gzip is to compress.

    Its dictionary are the first `known` bytes of what a file of the base is, decompressed.
    """

    file: int
    known: int
    header: int
    size: int
    stored: int


class Add(NamedTuple):
    """A part of the content of a file of the base, each byte with the next of the section's differences added to it."""

    file: int
    at: int
    size: int


Operation = Heads | Copy | Range | Patch | Small | Fresh | Again | Gzip | Add

_KINDS: Final[dict[int, type[Operation]]] = {
    1: Heads,
    2: Copy,
    3: Range,
    4: Patch,
    5: Small,
    6: Fresh,
    7: Again,
    8: Gzip,
    9: Add,
}
_NUMBERS: Final = {kind: number for number, kind in _KINDS.items()}
_OF_FILES: Final = (Copy, Range, Patch, Again, Gzip, Add)  # whose first number is that of a file


class OperationWriter:
    """Writes operations as bytes: numbers in base 128, lowest digits first; a file's number as the distance from the
    file after the last one that was used.
    """

    def __init__(self) -> None:
        self.content = bytearray()
        self._next = 0

    def add(self, operation: Operation) -> None:
        self.content.append(_NUMBERS[type(operation)])
        numbers: tuple[int, ...] = operation
        if isinstance(operation, _OF_FILES):
            way = operation.file - self._next
            numbers = (way << 1 if way >= 0 else (-way << 1) - 1, *operation[1:])
            self._next = operation.file + 1
        for number in numbers:
            self._number(number)

    def _number(self, number: int) -> None:
        while number > _SEVEN:
            self.content.append(number & _SEVEN | _MORE)
            number >>= 7
        self.content.append(number)


def read_operations(content: bytes) -> Iterator[Operation]:
    """The operations of a section. Raises DamagedError."""
    at, following = 0, 0
    while at < len(content):
        kind = _KINDS.get(content[at])
        if kind is None:
            raise DamagedError(f"it asks for operation {content[at]}, which there is not")
        at += 1
        numbers: list[int] = []
        for _ in kind._fields:
            number, at = _number_at(content, at)
            numbers.append(number)
        if kind in _OF_FILES:
            way = numbers[0]
            numbers[0] = following = following + (-((way + 1) >> 1) if way & 1 else way >> 1)
            following += 1
        yield kind(*numbers)


def _number_at(content: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends. Raises DamagedError."""
    value = shift = 0
    while shift < _LONGEST and at < len(content):
        byte = content[at]
        at += 1
        value |= (byte & _SEVEN) << shift
        shift += 7
        if byte <= _SEVEN:
            return value, at
    raise DamagedError("a number in it has no end")
