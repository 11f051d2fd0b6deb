"""Digests of files that were read already: bundles may share one, which is then read once for all of them."""

import hashlib
import os
from io import BufferedReader
from typing import Final

from bundler.progress import Meter

_PIECE: Final = 1 << 20


class HashedFiles:
    """Knows open files by what they are on their disk, and when they were changed last; never by their names."""

    def __init__(self) -> None:
        self._digests: dict[tuple[int, ...], str] = {}

    def digest(self, stream: BufferedReader, meter: Meter = lambda _size: None) -> str:
        """That of the file, which is read if it is not known. Raises OSError."""
        status = os.fstat(stream.fileno())
        file = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        if file not in self._digests:
            self._digests[file] = hashed(stream, meter)
        return self._digests[file]


def hashed(stream: BufferedReader, meter: Meter = lambda _size: None) -> str:
    """The digest of all that is left of the `stream`. Raises OSError."""
    digest = hashlib.sha256()
    while piece := stream.read(_PIECE):
        digest.update(piece)
        meter(len(piece))
    return f"sha256:{digest.hexdigest()}"
