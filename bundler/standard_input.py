"""Standard input, where a command line says `-`."""

import sys

from bundler.errors import RequestError


def read_input(limit: int) -> bytes:
    """At most `limit` + 1 bytes of it, up to its end. Raises RequestError where it was closed before we started."""
    if sys.stdin is None:
        raise RequestError("standard input is closed")
    return sys.stdin.buffer.read(limit + 1)
