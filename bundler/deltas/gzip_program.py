"""The program gzip, which `delta --best` needs on both sides, and which must write the same bytes on both.

GNU gzip writes the same bytes for the same text on every machine, and Debian's packages are compressed by it at its
best level. zlib is no substitute: it divides long texts into other blocks, and its forks differ.
"""

import hashlib
import os
from typing import Final

from bundler import tools
from bundler.deltas.format import MOST
from bundler.deltas.gzipped import Compress, Gzipped
from bundler.errors import ToolError

_BARE: Final = 10  # bytes of the header that gzip itself writes here
_OPTIONS: Final = ("-9", "-n", "-c")
# Enough for several blocks, whose ends are where compressors differ.
_SAMPLE: Final = b" ".join(hashlib.sha256(b"%d" % (number % 700)).hexdigest().encode() for number in range(3000))


def put_together(parts: Gzipped) -> bytes:
    """The bytes of the gzip file that has these parts. Raises ToolError, OSError."""
    memory = os.memfd_create("text", os.MFD_CLOEXEC)
    with os.fdopen(memory, "w+b") as stream:
        stream.write(parts.text)
        stream.seek(0)
        with tools.start(tools.GZIP, _OPTIONS, standard_input=memory, output_limit=2 * MOST) as gzip:
            return parts.header + gzip.wait()[_BARE:]


def fingerprint() -> str:
    """The sha256 of what this machine's gzip makes of a sample, to compare gzips by. Raises ToolError, OSError."""
    return hashlib.sha256(put_together(Gzipped(b"", _SAMPLE))).hexdigest()


def gzip_for(expected: str) -> Compress | None:
    """This machine's gzip for a delta with that fingerprint, empty if it needs none.

    Raises ToolError unless it makes the same as the one that the delta was made with.
    """
    if not expected:
        return None
    if fingerprint() != expected:
        raise ToolError(
            "gzip makes other bytes here than where the delta was made", hint="make the delta without --best"
        )
    return put_together
