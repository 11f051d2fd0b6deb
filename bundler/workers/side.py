"""What a worker and the process that has started it agree on."""

import struct
from typing import Final, Protocol

from bundler.workers.failures import Failure, LostPeerError

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
