"""JSON documents of an image, read into checked values (image-spec considerations.md#json, RFC 8259).

A document is attacker-chosen. It is read strictly (strict_json.py), and its size is bounded by its reader
(files.load_document). Every message says which document and which part of it is wrong:
`manifest sha256:...: layers[0].size: expected a whole number, found "x"`.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from bundler.errors import ImageError, printable
from bundler.images.digest import Digest
from bundler.light_dataclasses import dataclass
from bundler.strict_json import JsonError, fold, parse, replace_surrogates

_SHOWN: Final = 60
# Members whose names are data. They are not held against each other's spelling: to Go they are keys of a map.
_MAPS: Final = frozenset(map(fold, ("annotations", "ExposedPorts", "Labels", "LayerSources", "Volumes")))


@dataclass(frozen=True, slots=True)
class Member:
    """One value inside a document: `content` is what JSON says, `path` is where (`layers[0].size`)."""

    document: str
    path: str
    content: Any

    def fault(self, what: str, *, hint: str | None = None) -> ImageError:
        """The error that says `what` is wrong with this part; the caller raises it."""
        where = f"{self.document}: {self.path}: " if self.path else f"{self.document}: "
        return ImageError(f"{where}{what}", hint=hint)

    def expected(self, what: str) -> ImageError:
        return self.fault(f"expected {what}, found {_shown(self.content)}")

    def find(self, name: str) -> "Member | None":
        """The member `name`; None when it is absent or null, which Go's decoder does not tell apart.

        As to that decoder, it may be spelled with other letters of the alphabet's two cases.
        """
        members = self._object()
        content = members.get(name)
        if name not in members:
            wanted = fold(name)
            others = (other for other in members if len(other) == len(name) and fold(other) == wanted)
            content = members.get(next(others, ""))
        return None if content is None else self._child(name, content)

    def get(self, name: str) -> "Member":
        """The member `name`. Raises ImageError when it is absent or null."""
        member = self.find(name)
        if member is None:
            raise self._child(name, None).fault("missing")
        return member

    def with_member(self, name: str, content: Any) -> "Member":
        """This object with another value for `name`, however that is spelled."""
        others = {other: value for other, value in self._object().items() if fold(other) != fold(name)}
        return Member(self.document, self.path, others | {name: content})

    def members(self) -> Iterator[tuple[str, "Member"]]:
        """The members of an object, sorted by name."""
        for name, content in sorted(self._object().items()):
            yield name, self._child(name, content)

    def items(self) -> Iterator["Member"]:
        """The items of an array, in order."""
        if not isinstance(self.content, list):
            raise self.expected("an array")
        for position, content in enumerate(self.content):
            yield Member(self.document, f"{self.path}[{position}]", content)

    def text(self) -> str:
        """A string without NUL: no argument, environment entry or path can hold one."""
        if not isinstance(self.content, str):
            raise self.expected("a string")
        if "\0" in self.content:
            raise self.fault("holds a NUL byte")
        return replace_surrogates(self.content)

    def number(self) -> int:
        """A whole number, not negative."""
        if isinstance(self.content, bool) or not isinstance(self.content, int) or self.content < 0:
            raise self.expected("a whole number")
        return self.content

    def digest(self) -> Digest:
        try:
            return Digest.parse(self.text())
        except ValueError as error:
            raise self.fault(_clipped(printable(str(error)))) from error

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.content, dict):
            raise self.expected("an object")
        return self.content

    def _child(self, name: str, content: Any) -> "Member":
        step = _clipped(printable(name))
        return Member(self.document, f"{self.path}.{step}" if self.path else step, content)


def parse_document(raw: bytes, document: str) -> Member:
    """Read one JSON document; `document` names it in messages (`manifest sha256:...`).

    Bytes that are not UTF-8 and lone surrogates become U+FFFD, one for each, as in Go's decoder, so the same image
    gives the same text as under Docker. Raises ImageError for what two readers may see two different images in.
    """
    try:
        return Member(document, "", parse(raw, maps=_MAPS, repair=True))
    except JsonError as error:
        raise ImageError(f"{document}: {error}") from None


def _shown(content: Any) -> str:
    if isinstance(content, str):
        return '"' + _clipped(printable(content[: _SHOWN + 1])) + '"'
    if isinstance(content, dict | list):
        return "an object" if isinstance(content, dict) else "an array"
    return json.dumps(content)


def _clipped(text: str) -> str:
    return text if len(text) <= 3 * _SHOWN else text[: 3 * _SHOWN] + "..."
