"""Files that gzip has written (manual pages, changelogs): carried as the text they are made of, and compressed again.

GNU gzip gives the same bytes for the same text on every machine, and Debian's packages have it at its best level. zlib
divides what is long into other blocks, and there are several of it. What gzip does not make the same again is carried
as it is.
"""

import hashlib
import os
import zlib
from typing import Final, NamedTuple

from bundler.deltas.format import MOST
from bundler.errors import ToolError

_MAGIC: Final = b"\x1f\x8b\x08"
_NAMED: Final = 8  # a flag: the file's name follows the header
_KNOWN: Final = (0, _NAMED)  # flags
_HEADER: Final = 10
_BARE: Final = 10  # bytes of the header that gzip itself writes here
_OPTIONS: Final = ("-9", "-n", "-c")
_ANY_FORM: Final = zlib.MAX_WBITS | 16  # that of gzip, and no other
# Enough for several blocks, whose ends are where compressors differ.
_SAMPLE: Final = b" ".join(hashlib.sha256(b"%d" % (number % 700)).hexdigest().encode() for number in range(3000))


class Gzipped(NamedTuple):
    """What the bytes of a file are made of."""

    header: bytes
    text: bytes


def take_apart(content: bytes) -> Gzipped | None:
    """What gzip makes exactly `content` of; None for everything else. Raises ToolError, OSError."""
    if content[: len(_MAGIC)] != _MAGIC or len(content) <= _HEADER or content[3] not in _KNOWN:
        return None
    size = content.find(b"\0", _HEADER) + 1 if content[3] == _NAMED else _HEADER
    text = text_of(content, MOST)
    if not text or size + len(text) > MOST:
        return None
    parts = Gzipped(content[:size], text)
    return parts if put_together(parts) == content else None


def put_together(parts: Gzipped) -> bytes:
    """The bytes of the file. Raises ToolError, OSError."""
    from bundler import tools  # noqa: PLC0415 -- few files take it, and a worker loads nothing that starts programs

    memory = os.memfd_create("text", os.MFD_CLOEXEC)
    with os.fdopen(memory, "w+b") as stream:
        stream.write(parts.text)
        stream.seek(0)
        with tools.start(tools.GZIP, _OPTIONS, standard_input=memory, output_limit=2 * MOST) as gzip:
            return parts.header + gzip.wait()[_BARE:]


def text_of(content: bytes, most: int) -> bytes:
    """At most so many bytes of what was compressed; none for what is not gzip's, or not whole."""
    decompressor = zlib.decompressobj(_ANY_FORM)
    try:
        return decompressor.decompress(content, most)
    except zlib.error:
        return b""


def fingerprint() -> str:
    """What tells whether this machine's gzip is that of another one. Raises ToolError, OSError."""
    return hashlib.sha256(put_together(Gzipped(b"", _SAMPLE))).hexdigest()


def check_gzip(expected: str) -> None:
    """Raise ToolError unless this machine's gzip makes the same as the one that a delta was made with."""
    if fingerprint() != expected:
        raise ToolError(
            "gzip makes other bytes here than where the delta was made", hint="make the delta without --best"
        )
