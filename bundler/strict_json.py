"""JSON as all its readers agree about it: what Go's encoding/json and Python's json would read differently is refused.

runc, containerd, Docker and skopeo read the same documents with encoding/json. It takes any spelling of a field's name
(`Process` is `process` to it), the last of several values for one name, and the first document of several. A
reader that checks another value than the one that is used has checked nothing.
"""

import json
import math
import re
from collections.abc import Collection
from typing import Final, NoReturn

from bundler.errors import RequestError, printable
from bundler.origins import Json

MAXIMUM_DEPTH: Final = 100  # levels; the specs have ten, and an unknown field may bring its own
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"
_SHOWN: Final = 60  # characters of a text that a message repeats
# Two letters beyond ASCII that Go holds equal to one in it: LATIN SMALL LETTER LONG S and KELVIN SIGN.
_FOLDED: Final = {**{ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, 0x17F: "s", 0x212A: "k"}
# The numbers of a Go program: int64 and uint64.
_LONGEST_NUMBER: Final = len(str(-(1 << 63)))
_SMALLEST: Final = -(1 << 63)
_LARGEST: Final = (1 << 64) - 1


class JsonError(ValueError):
    """What is wrong with a document, on one line that is to stand behind its name."""


def fold(name: str) -> str:
    """What a name has in common with all that encoding/json takes for the same field, whose own name is of ASCII."""
    return name.translate(_FOLDED)


def replace_surrogates(text: str) -> str:
    """`text` as Go reads it: half of a surrogate pair becomes U+FFFD."""
    return _SURROGATES.sub(_REPLACEMENT, text)


# What Python's json says.
_IN_WORDS: Final = {
    "Expecting value": "a value should stand here",
    "Expecting property name enclosed in double quotes": "a name in double quotes should stand here",
    "Expecting ',' delimiter": "a comma should stand here, or the end",
    "Expecting ':' delimiter": "a colon should stand here",
    "Unterminated string starting at": "the quote that opens here is never closed",
    "Invalid control character at": "text cannot hold a line break, or another control character",
    "Extra data": "there is more behind the end of the document",
}


def parse(raw: bytes, *, maps: Collection[str] | None, repair: bool = False) -> Json:
    """The value that the document `raw` is. Raises JsonError.

    `maps` are the folded names of members whose value is an object with names of the author's choice: `a` and `A` in it
    are two (annotations, labels). In all other objects a name stands once, however it is spelled. With None, no
    name is held against another spelling of it: nothing that was written in Go reads the document.

    With `repair`, bytes that are not UTF-8 and lone surrogates become U+FFFD, one for each, as in Go; without, they
    are refused.
    """
    text = _decode(raw, repair=repair)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_repaired if repair else _once,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_refuse,
        )
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except json.JSONDecodeError as error:
        cut = "it ends in the middle" if error.pos >= len(text.rstrip()) else _IN_WORDS.get(error.msg, error.msg)
        raise JsonError(f"not JSON at line {error.lineno}, column {error.colno}: {cut}") from None
    _check(document, maps)
    if not repair and "\\u" in text and _SURROGATES.search(json.dumps(document, ensure_ascii=False)):
        raise JsonError("it holds half of a surrogate pair")
    return document


def parse_object(content: bytes, label: str, maps: Collection[str]) -> dict[str, Json]:
    """The JSON object that `content` is; `label` names it in messages, `maps` are its maps. Raises RequestError."""
    try:
        document = parse(content, maps=maps)
    except JsonError as error:
        raise RequestError(f"{label}: {error}") from None
    if not isinstance(document, dict):
        raise RequestError(f"{label}: not a JSON object")
    return document


def _decode(raw: bytes, *, repair: bool) -> str:
    if repair:
        # surrogateescape turns every bad byte into one lone surrogate, "replace" would join several into one U+FFFD.
        return replace_surrogates(raw.decode("utf-8", "surrogateescape"))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise JsonError(f"not JSON: not UTF-8 at byte {error.start}") from None


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise JsonError(f"the name {_shown(name)} stands twice in one object")
            seen.add(name)
    return members


def _repaired(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    return _once([(replace_surrogates(name), content) for name, content in pairs])


def _check(document: Json, maps: Collection[str] | None) -> None:
    """Raise JsonError for names that differ in case only, and for what is nested too deeply.

    Level by level, because a function that calls itself has fewer levels than a document.
    """
    level = [(document, False)]
    for _ in range(MAXIMUM_DEPTH + 1):
        below: list[tuple[Json, bool]] = []
        for value, is_map in level:
            if isinstance(value, list):
                below += ((item, False) for item in value if isinstance(item, dict | list))
            elif isinstance(value, dict):
                if maps is not None and not is_map:
                    _check_names(value)
                below += (
                    (inner, maps is not None and isinstance(inner, dict) and fold(name) in maps)
                    for name, inner in value.items()
                    if isinstance(inner, dict | list)
                )
        if not below:
            return
        level = below
    raise JsonError("nested too deeply")


def _check_names(members: dict[str, Json]) -> None:
    spellings: dict[str, str] = {}
    for name in members:
        other = spellings.setdefault(fold(name), name)
        if other != name:
            raise JsonError(f"the names {_shown(other)} and {_shown(name)} in one object are one name to some readers")


def _whole(text: str) -> int:
    number = int(text) if len(text) <= _LONGEST_NUMBER else _LARGEST + 1
    if not _SMALLEST <= number <= _LARGEST:
        raise JsonError(f"{_clipped(text)} is a number of more than 64 bits")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonError(f"{_clipped(text)} is too large a number")
    return number


def _refuse(constant: str) -> NoReturn:
    raise JsonError(f"not JSON: {constant} is not a JSON value")


def _shown(name: str) -> str:
    return f'"{printable(_clipped(name))}"'


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
