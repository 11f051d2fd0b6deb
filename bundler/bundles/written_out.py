"""What holes cost where they are written out: a file of some bytes may state that it has terabytes."""

from typing import Final

from bundler.errors import BundlerError, printable

MOST: Final = 1 << 30
"""Bytes of zeros that stand for holes in one archive. Files of databases have some; what has more was made to."""


class WrittenOut:
    """Counts the bytes of holes in the archive that `label` names."""

    def __init__(self, label: str, hint: str) -> None:
        self._label = label
        self._hint = hint
        self._holes = 0

    def add(self, path: bytes, size: int, stored: int) -> None:
        """A file of `size` bytes, of which `stored` are on disk. Raises BundlerError."""
        self._holes += max(0, size - stored)
        if self._holes > MOST:
            what = f"{self._label}: {printable(path)} has {size} bytes, of which {stored} are stored"
            raise BundlerError(f"{what}, and its holes would be written out", hint=self._hint)
