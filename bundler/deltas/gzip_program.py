"""The program gzip, as deltas use it: made with it, a delta is applied where gzip makes the same bytes.

GNU gzip gives the same bytes for the same text on every machine, and Debian's packages have it at its best level. zlib
divides what is long into other blocks, and there are several of it.
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
    """The bytes of the file. Raises ToolError, OSError."""
    memory = os.memfd_create("text", os.MFD_CLOEXEC)
    with os.fdopen(memory, "w+b") as stream:
        stream.write(parts.text)
        stream.seek(0)
        with tools.start(tools.GZIP, _OPTIONS, standard_input=memory, output_limit=2 * MOST) as gzip:
            return parts.header + gzip.wait()[_BARE:]


def fingerprint() -> str:
    """What tells whether this machine's gzip is that of another one. Raises ToolError, OSError."""
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
