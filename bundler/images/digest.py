"""Digests: names of bytes by their content (image-spec descriptor.md#digests)."""

import hashlib
import re
from collections.abc import Callable
from typing import Any, Final, Self

from bundler.light_dataclasses import dataclass

# image-spec registers sha256, sha512 and blake3; the first two are what registries and archives use.
ALGORITHMS: Final[dict[str, Callable[..., Any]]] = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_GRAMMAR: Final = re.compile(r"(?P<algorithm>[a-z0-9]+(?:[+._-][a-z0-9]+)*):(?P<encoded>[a-zA-Z0-9=_-]+)")


@dataclass(frozen=True, slots=True)
class Digest:
    """`algorithm:encoded`, both checked: the text is safe as a file name and as an argument."""

    algorithm: str
    encoded: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError, with a message that names the text, unless it is a digest of a known algorithm."""
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a digest")
        algorithm, encoded = match["algorithm"], match["encoded"]
        if algorithm not in ALGORITHMS:
            raise ValueError(f"digest algorithm {algorithm!r} is not supported (known: {', '.join(ALGORITHMS)})")
        length = ALGORITHMS[algorithm]().digest_size * 2
        if len(encoded) != length or not set(encoded) <= set("0123456789abcdef"):
            raise ValueError(f"{text!r} is not a digest: {algorithm} takes {length} lowercase hex digits")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        return cls(algorithm, str(ALGORITHMS[algorithm](content).hexdigest()))

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"

    def __lt__(self, other: "Digest") -> bool:
        return (self.algorithm, self.encoded) < (other.algorithm, other.encoded)

    @property
    def short(self) -> str:
        """The first twelve digits, as Docker prints an image id."""
        return self.encoded[:12]
