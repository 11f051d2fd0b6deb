"""Which file of the base a new one is the same as, or nearly: by its content, then by its name.

A newer version of a file has the same path, or the same but for numbers (`libssl.so.3.0.11`, `python3.11/`), or its
name in another folder.
"""

import hashlib
import re
from array import array
from collections.abc import Iterable
from typing import Final, NamedTuple

from bundler.archives.stream import Content

_NUMBER: Final = re.compile(rb"[0-9]+(?:[.\-+~][0-9]+)*")
_DIGEST: Final = 16  # bytes of sha256: two files that share these do so because one was made to, and both are ours


class Known(NamedTuple):
    """A file of the base: its number, its stored size, and where its head begins."""

    number: int
    size: int
    head: int


class Files:
    """The files of the base, by all that a new one is looked up by. What is kept grows with their number."""

    def __init__(self) -> None:
        self._sizes, self._heads = array("Q"), array("Q")
        self._by_digest: dict[bytes, int] = {}
        self._by_path: dict[bytes, int] = {}
        self._by_shape: dict[bytes, int] = {}

    def note(self, number: int, path: bytes, head: int, size: int, content: Iterable[Content]) -> None:
        """Take the next file, with its content."""
        digest = hashlib.sha256()
        for part in content:
            digest.update(part)
        self._sizes.append(size)
        self._heads.append(head)
        self._by_digest.setdefault(digest.digest()[:_DIGEST], number)
        self._by_path[path] = number
        for shape in _shapes(path):
            if shape != path:  # one of the same shape has the same path then
                self._by_shape.setdefault(shape, number)

    def same(self, sha256: bytes, size: int) -> Known | None:
        """The file with this content."""
        known = self._at(self._by_digest.get(sha256[:_DIGEST]))
        return known if known is not None and known.size == size else None

    def named(self, path: bytes) -> Known | None:
        """The file of this path."""
        return self._at(self._by_path.get(path))

    def nearest(self, path: bytes) -> Known | None:
        """The file that one of this path most likely comes from."""
        numbers = (self._by_path.get(path), *map(self._by_shape.get, _shapes(path)))
        return self._at(next((number for number in numbers if number is not None), None))

    def _at(self, number: int | None) -> Known | None:
        return None if number is None else Known(number, self._sizes[number], self._heads[number])


def _shapes(path: bytes) -> tuple[bytes, bytes]:
    """The path without its numbers, and the name alone."""
    folder, _, name = path.rpartition(b"/")
    shape = _NUMBER.sub(b"#", name)
    return _NUMBER.sub(b"#", folder) + b"/" + shape, b"//" + shape
