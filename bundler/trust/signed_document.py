"""Signed JSON, read strictly: members that have to be there, each in one form, so that all readers agree about it."""

from typing import Final

from bundler.origins import Json
from bundler.strict_json import JsonError, parse
from bundler.trust.encoding import ForgedError, MalformedError

# Members whose names their authors choose.
_MAPS: Final = frozenset(("optional", "annotations", "predicate", "digest"))


def parse_signed(content: bytes) -> dict[str, Json]:
    """The document, which has to be an object. Raises MalformedError."""
    try:
        document = parse(content, maps=_MAPS)
    except JsonError as error:
        raise MalformedError(str(error)) from None
    if not isinstance(document, dict):
        raise MalformedError("it is no JSON object")
    return document


def part(document: dict[str, Json], *path: str) -> dict[str, Json]:
    """The object at `path`. Raises MalformedError."""
    for name in path:
        inner = document.get(name)
        if not isinstance(inner, dict):
            raise MalformedError(f"it has no object {'.'.join(path)}")
        document = inner
    return document


def text(document: dict[str, Json], name: str) -> str:
    """The member `name`, which has to be a text. Raises MalformedError."""
    value = document.get(name)
    if not isinstance(value, str):
        raise MalformedError(f"it has no text {name}")
    return value


def items(document: dict[str, Json], name: str) -> list[dict[str, Json]]:
    """The member `name`, which has to be a list of objects. Raises MalformedError."""
    value = document.get(name)
    if not isinstance(value, list):
        raise MalformedError(f"it has no list {name}")
    return [each if isinstance(each, dict) else part({}, name) for each in value]


def signed_reference(payload: bytes, kind: str, digest: str) -> str:
    """The reference in the payload of a simple signature (containers-signature(5)), which cosign's have, too.

    `kind` is what signatures of the caller's kind say that they are. Raises MalformedError, and ForgedError unless the
    payload is about the manifest `digest`.
    """
    critical = part(parse_signed(payload), "critical")
    if text(critical, "type") != kind:
        raise ForgedError("was signed as something else than an image")
    signed = text(part(critical, "image"), "docker-manifest-digest")
    if signed != digest:
        raise ForgedError(f"was signed for another image: {signed}")
    return text(part(critical, "identity"), "docker-reference")
