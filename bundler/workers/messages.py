"""What a worker and the process that has started it agree on: what each is to the other, and whole messages through
pipes, which give and take what they have room for.
"""

import os
import struct
from typing import Final, Protocol

from bundler.workers.failures import Failure, LostPeerError


def read_exactly(descriptor: int, size: int) -> bytes:
    """Raises EOFError."""
    content = os.read(descriptor, size)
    if len(content) == size:
        return content
    parts = [content]
    missing = size - len(content)
    while missing:
        content = os.read(descriptor, missing)
        if not content:
            raise EOFError
        parts.append(content)
        missing -= len(content)
    return b"".join(parts)


def write_all(descriptor: int, content: bytes) -> None:
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, content[written:])


LENGTH: Final = struct.Struct("<I")
"""Of a message, in front of it."""
OUT_OF_MEMORY: Final = 12
"""What a worker exits with that has no memory left to say so."""


class Side(Protocol):
    """What a worker has of shared memory and two pipes."""

    def finish(self, failure: Failure | None) -> None:
        """Say that there is no more, and the reason if it is not that this was all."""
        ...


class Other(Protocol):
    """The process on the other side, as the one that reads from it knows it."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def how_it_ended(self) -> Exception:
        """Why it has closed its pipes without a word."""
        ...


class Peer:
    """Another worker: only the process that has started both can tell."""

    def __init__(self, name: str) -> None:
        self.name = name

    def how_it_ended(self) -> LostPeerError:
        return LostPeerError()
