"""A large file beside the older one: which of its blocks are there already, wherever they lie.

In an image of a file system files begin at whole blocks, so what was not changed is the same blocks elsewhere.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

SIZE: Final = 4096
_MOST: Final = 1 << 16  # blocks that are kept in memory, of the largest file of the base
_FEWEST: Final = 8  # blocks in a row that are worth an operation of their own
_READ: Final = 1 << 20

Read = Callable[[int, int], bytes]
"""Gives `size` bytes of the older file from `at` on."""


class Run(NamedTuple):
    """A part of the new content, and where the older file has the same bytes, or most likely a version of them."""

    start: int
    end: int
    at: int
    same: bool


class Blocks:
    """The blocks of the older file, `size` bytes that `read` gives: each `step`-th, if there are many."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self._size = size
        self._shift = 0  # from a place in the new file to the place in the older one
        self._places: dict[bytes, int] = {}
        step = SIZE * max(1, -(-size // (SIZE * _MOST)))
        for start in range(0, size - SIZE + 1, _READ):
            part = read(start, min(_READ, size - start))
            first = -start % step
            for at in range(first, len(part) - SIZE + 1, step):
                self._places.setdefault(_key(part[at : at + SIZE]), start + at)

    def runs(self, content: bytes, offset: int) -> Iterator[Run]:
        """The parts of `content`, which is at `offset` of the new file, without gaps."""
        at = done = 0
        while at + SIZE <= len(content):
            place, length = self._longest(content, at, offset)
            if length < _FEWEST * SIZE and at + length < len(content):
                at += SIZE
                continue
            if done < at:
                yield Run(done, at, self._likely(offset + done), same=False)
            yield Run(at, at + length, place, same=True)
            self._shift = place - offset - at
            at = done = at + length
        if done < len(content):
            yield Run(done, len(content), self._likely(offset + done), same=False)

    def _longest(self, content: bytes, at: int, offset: int) -> tuple[int, int]:
        """Where the older file has the longest part of `content` from `at` on: as before it, or by its first block."""
        places = [offset + at + self._shift]
        known = self._places.get(_key(content[at : at + SIZE]))
        if known is not None:
            places.append(known)
        best = (0, 0)
        for place in places:
            if 0 <= place < self._size:
                length = self._same(content, at, place)
                if length > best[1]:
                    best = place, length
        return best

    def _same(self, content: bytes, at: int, place: int) -> int:
        """How many bytes are the same, in whole blocks, or up to the end of `content`."""
        start = at
        while at < len(content):
            size = min(SIZE if at == start else _READ, len(content) - at, self._size - place)
            there = self._read(place, size)
            if content[at : at + size] != there:
                size = _agreeing(content, at, there)
                return at + size - start if at + size == len(content) else (at + size - start) // SIZE * SIZE
            at, place = at + size, place + size
            if place == self._size:
                break
        return at - start if at == len(content) else (at - start) // SIZE * SIZE

    def _likely(self, at: int) -> int:
        return max(0, min(self._size, at + self._shift))


def _agreeing(content: bytes, at: int, there: bytes) -> int:
    """How many bytes of whole blocks agree."""
    for done in range(0, len(there), SIZE):
        if content[at + done : at + min(done + SIZE, len(there))] != there[done : done + SIZE]:
            return done
    return len(there)


def _key(block: bytes) -> bytes:
    return hashlib.blake2b(block, digest_size=12).digest()
