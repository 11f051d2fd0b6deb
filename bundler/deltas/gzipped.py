"""Files that gzip has written (manual pages, changelogs): a delta carries their text, and gzip compresses it again.

A file that gzip does not write the same way again is carried as it is.
"""

import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from bundler.deltas.format import MOST

_MAGIC: Final = b"\x1f\x8b\x08"
_NAMED: Final = 8  # a flag: the file's name follows the header
_KNOWN: Final = (0, _NAMED)  # flags
_HEADER: Final = 10
_ANY_FORM: Final = zlib.MAX_WBITS | 16  # that of gzip, and no other


class Gzipped(NamedTuple):
    """A gzip file in two parts: its header as it stands, and the text that was compressed."""

    header: bytes
    text: bytes


Compress: TypeAlias = Callable[[Gzipped], bytes]
"""Makes the bytes of a gzip file from its parts."""


def take_apart(content: bytes, gzip: Compress) -> Gzipped | None:
    """The parts from which `gzip` makes exactly `content`; None if there are none. Raises what `gzip` raises."""
    if content[: len(_MAGIC)] != _MAGIC or len(content) <= _HEADER or content[3] not in _KNOWN:
        return None
    size = content.find(b"\0", _HEADER) + 1 if content[3] == _NAMED else _HEADER
    text = text_of(content, MOST)
    if not text or size + len(text) > MOST:
        return None
    parts = Gzipped(content[:size], text)
    return parts if gzip(parts) == content else None


def text_of(content: bytes, most: int) -> bytes:
    """At most `most` bytes of the text in a gzip file; empty if it is no gzip file, or not whole."""
    decompressor = zlib.decompressobj(_ANY_FORM)
    try:
        return decompressor.decompress(content, most)
    except zlib.error:
        return b""
