"""The parts of a delta file, as docs/formats.md describes them. A delta is hostile, so each number in it is bounded."""

import json
import struct
from typing import Any, Final, Self

from bundler import __version__
from bundler.archives.stream import DamagedError
from bundler.bundles.record import check_format
from bundler.light_dataclasses import dataclass
from bundler.strict_json import parse_object

FORMAT: Final = 1
MAGIC: Final = b"bundler delta\n"
LENGTH: Final = struct.Struct("<I")
LARGEST_DOCUMENT: Final = 1 << 16
MOST: Final = 16 << 20
"""Bytes of whatever is in memory as a whole: a dictionary, what a frame becomes, the operations of a section."""
WORTH: Final = 1 << 12
"""Bytes of content, at the least, that a frame is read again for."""
_SECTION: Final = struct.Struct("<IIQIIIIIIIQ")
_END: Final = struct.Struct("<Q32s")
SHA256: Final = 32


def most_dictionary(size: int) -> int:
    """The largest dictionary that `size` bytes may have, in bytes: many tiny frames, each with megabytes of dictionary,
    would keep a reader busy.
    """
    return min(MOST, (128 << 10) + 8 * size)


def most_stored(size: int) -> int:
    """The most bytes that zstd writes for `size` bytes, when it can only store them."""
    return size + (size >> 7) + 1024


@dataclass(frozen=True, slots=True)
class Document:
    """What a delta says of itself: `base` and `result` are digests of bundler.json, `heads` of the base's heads.

    `image` is the base's image id, empty where it has none. `gzip` is the fingerprint of the one that it was made with,
    empty if it can be applied without. `is_project` says that both sides are projects.
    """

    base: str
    heads: str
    image: str
    result: str
    gzip: str = ""
    is_project: bool = False

    def encode(self) -> bytes:
        base: dict[str, Any] = {"record": self.base, "heads": self.heads, "image": self.image}
        if self.is_project:
            base["project"] = True
        document: dict[str, Any] = {
            "format": FORMAT,
            "bundler": __version__,
            "base": base,
            "result": {"record": self.result},
        }
        if self.gzip:
            document["gzip"] = self.gzip
        return json.dumps(document).encode("ascii")

    @classmethod
    def parse(cls, content: bytes, label: str) -> Self:
        """Raises DamagedError, and RequestError for another format."""
        document: Any = parse_object(content, label, ())
        check_format(document, label, FORMAT)
        try:
            base, result = document["base"], document["result"]
            texts = [base["record"], base["heads"], base["image"], result["record"]]
            is_project = base.get("project", False)
        except (LookupError, TypeError, AttributeError):
            texts, is_project = [None], False
        texts.append(document.get("gzip", ""))
        if not all(isinstance(text, str) for text in texts) or not isinstance(is_project, bool):
            raise DamagedError("its document makes no sense")
        record, heads, image, made, gzip = texts
        return cls(record, heads, image, made, gzip, is_project)


@dataclass(frozen=True, slots=True)
class Section:
    """A section: what its frames become, how large they are, and the part of the base's heads that is a dictionary."""

    heads: int = 0
    heads_stored: int = 0
    known_at: int = 0
    known: int = 0
    operations: int = 0
    operations_stored: int = 0
    small: int = 0
    small_stored: int = 0
    differences: int = 0
    differences_stored: int = 0
    frames: int = 0

    SIZE = _SECTION.size

    def encode(self) -> bytes:
        return _SECTION.pack(
            *(self.heads, self.heads_stored, self.known_at, self.known, self.operations, self.operations_stored),
            *(self.small, self.small_stored, self.differences, self.differences_stored, self.frames),
        )

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Raises DamagedError."""
        section = cls(*_SECTION.unpack(content))
        pairs = (
            (section.heads, section.heads_stored),
            (section.operations, section.operations_stored),
            (section.small, section.small_stored),
            (section.differences, section.differences_stored),
        )
        if any(size > MOST or stored > most_stored(size) for size, stored in pairs) or section.known > MOST:
            raise DamagedError("a section is larger than any that is written")
        return section

    @property
    def is_last(self) -> bool:
        return not self.operations


@dataclass(frozen=True, slots=True)
class End:
    """The size and the digest of the archive that comes out."""

    size: int
    sha256: bytes

    SIZE = _END.size

    def encode(self) -> bytes:
        return _END.pack(self.size, self.sha256)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        return cls(*_END.unpack(content))
