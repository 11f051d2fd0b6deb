"""JSON documents that a completion looks into. Each may be anybody's: what is no good is as good as not there."""

import json
from pathlib import Path
from typing import Any, Final

from bundler.input_files import InputError, read_named

_LARGEST: Final = 4 << 20  # bytes, read and parsed within a few hundredths of a second
Document = Any


def parsed(content: bytes) -> Document:
    """A JSON document; None if it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def load(path: str | Path) -> Document:
    """The JSON document at `path`; None if there is none."""
    try:
        return parsed(read_named(Path(path), _LARGEST, pipe=False))
    except InputError:
        return None


def member(document: Document, *names: str) -> Document:
    """What lies that far inside of objects; None where there is no such member."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def objects(document: Document) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [each for each in document if isinstance(each, dict)] if isinstance(document, list) else []


def text(document: Document) -> str:
    return document if isinstance(document, str) else ""


def strings(document: Document) -> list[str]:
    """The texts of a list."""
    return [each for each in document if isinstance(each, str)] if isinstance(document, list) else []
