"""Finding the file of the base that is the same as a new one, or nearly: by its content, then by its name.

A newer version of a file has the same path, or the same but for numbers (`libssl.so.3.0.11`, `python3.11/`), or its
name in another folder.
"""

import hashlib
import re
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final, NamedTuple

from bundler.archives.stream import Content

_NUMBER: Final = re.compile(rb"[0-9]+(?:[.\-+~][0-9]+)*")
# Two files that share 16 bytes of their sha256 do so because one was made to, and both are ours.
_PARTS: Final = 256
_HALVES: Final = struct.Struct("<QQ")


class Known(NamedTuple):
    """A file of the base: its number, its stored size, and where its head begins."""

    number: int
    size: int
    head: int


class _Index:
    """Numbers by keys of 64 bits, the first of each key. Arrays have a tenth of the memory that a dictionary would.

    They are parted by the keys' last bits: to sort an array takes many times its memory.
    """

    def __init__(self) -> None:
        self._parts = [_Part() for _ in range(_PARTS)]

    def add(self, key: int, number: int) -> None:
        self._parts[key % _PARTS].add(key, number)

    def find(self, key: int) -> int | None:
        return self._parts[key % _PARTS].find(key)


class _Part:
    def __init__(self) -> None:
        self._keys, self._numbers = array("Q"), array("I")
        self._is_sorted = False

    def add(self, key: int, number: int) -> None:
        self._keys.append(key)
        self._numbers.append(number)
        self._is_sorted = False

    def find(self, key: int) -> int | None:
        if not self._is_sorted:
            order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
            self._keys = array("Q", map(self._keys.__getitem__, order))
            self._numbers = array("I", map(self._numbers.__getitem__, order))
            self._is_sorted = True
        at = bisect_left(self._keys, key)
        return self._numbers[at] if at < len(self._keys) and self._keys[at] == key else None


class Files:
    """The files of the base, by content, path and shape of name. Memory grows with the number of files."""

    def __init__(self) -> None:
        self._sizes, self._heads, self._digests = array("Q"), array("Q"), array("Q")
        self._by_digest, self._by_path, self._by_shape = _Index(), _Index(), _Index()

    def note(self, number: int, path: bytes, head: int, size: int, content: Iterable[Content]) -> None:
        """Add the next file; its content is read to the end."""
        digest = hashlib.sha256()
        for part in content:
            digest.update(part)
        first, second = _HALVES.unpack_from(digest.digest())
        self._sizes.append(size)
        self._heads.append(head)
        self._digests.append(second)
        self._by_digest.add(first, number)
        self._by_path.add(_key(path), number)
        for shape in _shapes(path):
            if shape != path:  # one of the same shape has the same path then
                self._by_shape.add(_key(shape), number)

    def same(self, sha256: bytes, size: int) -> Known | None:
        """The file with this content."""
        first, second = _HALVES.unpack_from(sha256)
        number = self._by_digest.find(first)
        if number is None or self._digests[number] != second:
            return None
        known = self._at(number)
        return known if known is not None and known.size == size else None

    def named(self, path: bytes) -> Known | None:
        """The file of this path."""
        return self._at(self._by_path.find(_key(path)))

    def nearest(self, path: bytes) -> Known | None:
        """The file that one of this path most likely comes from."""
        shapes = (self._by_shape.find(_key(shape)) for shape in _shapes(path))
        numbers = (self._by_path.find(_key(path)), *shapes)
        return self._at(next((number for number in numbers if number is not None), None))

    def _at(self, number: int | None) -> Known | None:
        return None if number is None else Known(number, self._sizes[number], self._heads[number])


def _key(path: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(path, digest_size=8).digest(), "little")


def _shapes(path: bytes) -> tuple[bytes, bytes]:
    """The path without its numbers, and the name alone."""
    folder, _, name = path.rpartition(b"/")
    shape = _NUMBER.sub(b"#", name)
    return _NUMBER.sub(b"#", folder) + b"/" + shape, b"//" + shape
