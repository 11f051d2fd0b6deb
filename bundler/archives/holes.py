"""Where a file has nothing but zeros: what an archive leaves out of a sparse file.

What a disk keeps as holes depends on its file system and on how the file got there, so that is not asked: the content
alone decides, and the same file gives the same archive everywhere.
"""

import errno
import os
from typing import Final

_PIECE: Final = 1 << 16
_BEGINNING: Final = 1 << 9
_ZEROS: Final = bytes(_PIECE)
# A map is read into memory. What lies behind this many pieces is stored whole.
_MOST_PIECES: Final = 10_000

Pieces = tuple[tuple[int, int], ...]

SMALLEST: Final = 1 << 20
"""Bytes of a file, at the least, whose holes are left out."""


def find_content(descriptor: int, size: int) -> Pieces | None:
    """The (offset, length) of what is to be stored of an open file; None for a file without holes. Raises OSError.

    All but the one at the end of the file have a length of whole blocks, as GNU tar wants it.
    """
    if size < SMALLEST:
        return None
    pieces: list[tuple[int, int]] = []
    at = start = _next_content(descriptor, 0, size)
    inside = False
    while at < size and len(pieces) < _MOST_PIECES:
        length = min(_PIECE, size - at)
        # Nearly always the beginning of a piece tells that it is none; all will be read once more to be stored.
        beginning = os.pread(descriptor, _BEGINNING, at)
        if not beginning:
            break
        is_hole = _ZEROS.startswith(beginning) and _ZEROS.startswith(os.pread(descriptor, length, at))
        if is_hole and inside:
            pieces.append((start, at - start))
        if is_hole:
            inside, at = False, _next_content(descriptor, at + length, size)
            continue
        if not inside:
            inside, start = True, at
        at += length
    if inside:
        pieces.append((start, size - start))
    elif len(pieces) == _MOST_PIECES and at < size:
        pieces.append((at, size - at))
    return None if pieces == [(0, size)] else tuple(pieces)


def _next_content(descriptor: int, at: int, size: int) -> int:
    """The next piece that is not known to be a hole: what the disk keeps as one need not be read to be zeros."""
    if at >= size:
        return size
    try:
        found = os.lseek(descriptor, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole from here on
            return size
        if error.errno == errno.EINVAL:  # a file system that knows nothing of holes
            return at
        raise
    return max(at, found - found % _PIECE)
