"""Two versions of a program, byte beside byte: most of what a newer one has is the older one's, shifted, with other
addresses in it.

Where the two lie beside each other, what differs is small numbers between long runs of zeros, which compress far better
than the addresses themselves.
"""

from array import array
from typing import Final, NamedTuple
from zlib import crc32

_KEY: Final = 16  # bytes that have to be the same for a place to be looked at
_TABLE: Final = 21  # bits of a hash
_MASK: Final = (1 << _TABLE) - 1
_STEP: Final = 16  # bytes that are looked at together
_AHEAD: Final = 64  # bytes that tell which of two places is the better one
_BETTER: Final = 8  # bytes that the new one has to have the same more
_PIECE: Final = 1 << 16


class Run(NamedTuple):
    """A part of the new content, and how far away the older content lies that it is compared with."""

    start: int
    end: int
    shift: int


class Comparison(NamedTuple):
    """New content beside old: the `differences` of its `runs`, joined, and the bytes between the runs."""

    runs: tuple[Run, ...]
    differences: bytes
    others: bytes


def compare(new: bytes, old: bytes) -> Comparison:
    """What `new` is made of beside `old`."""
    runs = align(new, old)
    gaps = zip([0, *(run.end for run in runs)], [*(run.start for run in runs), len(new)], strict=True)
    differences = (subtract(new[start:end], old[start + shift : end + shift]) for start, end, shift in runs)
    return Comparison(tuple(runs), b"".join(differences), b"".join(new[start:end] for start, end in gaps))


def align(new: bytes, old: bytes) -> list[Run]:
    """Parts of `new` that mostly agree with `old`, in order; what is in none of them agrees with nothing."""
    places, runs = _Places(old), list[Run]()
    start: int | None = None
    at = shift = 0
    while at < len(new):
        size = min(_STEP, len(new) - at)
        same = _agreeing(new, at, old, at + shift, size)
        found = places.better(new, at, shift) if 4 * same < 3 * size else None
        if found is not None:
            begin, moved = found
            if start is not None:
                goes_on = 2 * _agreeing(new, at, old, at + shift, begin - at) >= begin - at
                runs.append(Run(start, begin if goes_on else at, shift))
            start, shift, at = begin, moved, begin + _KEY
            continue
        if 2 * same >= size:
            start = at if start is None else start
        elif start is not None:
            runs.append(Run(start, at, shift))
            start = None
        at += size
    if start is not None:
        runs.append(Run(start, len(new), shift))
    return [run for run in runs if run.end > run.start]


class _Places:
    """Where `old` has which bytes, by a hash of them: one of the places that share it, in a table that stays small."""

    def __init__(self, old: bytes) -> None:
        self._old = old
        self._table = array("I", bytes(4 << _TABLE))
        for at in range(0, len(old) - _KEY + 1, _KEY):
            self._table[crc32(old[at : at + _KEY]) & _MASK] = at

    def find(self, key: bytes) -> int | None:
        """A place of these bytes."""
        at = self._table[crc32(key) & _MASK]
        return at if self._old.startswith(key, at) else None

    def better(self, new: bytes, at: int, shift: int) -> tuple[int, int] | None:
        """Where, soon behind `at` in `new`, another shift than this one begins to be right, and which."""
        old = self._old
        for place in range(at, min(at + _STEP, len(new) - _KEY + 1)):
            known = self.find(new[place : place + _KEY])
            if known is None or known - place == shift:
                continue
            moved, size = known - place, min(_AHEAD, len(new) - place, len(old) - known)
            if _agreeing(new, place, old, known, size) <= _agreeing(new, place, old, place + shift, size) + _BETTER:
                return None
            begin = place
            while begin > at and begin + moved > 0 and new[begin - 1] == old[begin - 1 + moved]:
                begin -= 1
            return begin, moved
        return None


def _agreeing(new: bytes, at: int, old: bytes, place: int, size: int) -> int:
    """How many of `size` bytes are the same; none where there are not so many."""
    if place < 0 or place + size > len(old):
        return 0
    ours, theirs = new[at : at + size], old[place : place + size]
    if ours == theirs:
        return size
    return (int.from_bytes(ours, "little") ^ int.from_bytes(theirs, "little")).to_bytes(size, "little").count(0)


def subtract(new: bytes, old: bytes) -> bytes:
    """Each byte of `new` less that of `old`, modulo 256."""
    return b"".join(_subtract(new[at : at + _PIECE], old[at : at + _PIECE]) for at in range(0, len(new), _PIECE))


def add(differences: bytes, old: bytes) -> bytes:
    """The inverse of `subtract`: the new bytes, from their `differences` and the `old` ones."""
    return b"".join(_add(differences[at : at + _PIECE], old[at : at + _PIECE]) for at in range(0, len(old), _PIECE))


# All bytes at once, as numbers: none borrows from the next or is carried into it, as the highest bits are apart.


def _subtract(new: bytes, old: bytes) -> bytes:
    a, b, high, low = _numbers(new, old)
    return (((a | high) - (b & low)) ^ ((a ^ b ^ high) & high)).to_bytes(len(new), "little")


def _add(differences: bytes, old: bytes) -> bytes:
    a, b, high, low = _numbers(differences, old)
    return (((a & low) + (b & low)) ^ ((a ^ b) & high)).to_bytes(len(old), "little")


def _numbers(first: bytes, second: bytes) -> tuple[int, int, int, int]:
    """The two as numbers, and the highest bits and the others of all their bytes."""
    high, low = (int.from_bytes(byte * len(first), "little") for byte in (b"\x80", b"\x7f"))
    return int.from_bytes(first, "little"), int.from_bytes(second, "little"), high, low
