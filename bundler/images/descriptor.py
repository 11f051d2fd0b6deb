"""Descriptors: how one part of an image names another (image-spec descriptor.md)."""

import re
from typing import Any, Final

from bundler.images.digest import Digest
from bundler.images.documents import Member
from bundler.images.media_types import Kind, refusal
from bundler.images.platform import Platform
from bundler.light_dataclasses import dataclass

# The largest size that any reader could hold to (int64). It also keeps sums and messages sane.
_MAX_BLOB: Final = 2**63 - 1
_WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
REF_NAME: Final = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Bytes by media type, digest and size.

    `urls` and `data` of the document are left unread: bytes are only taken from where the image is, and are checked
    by their digest, so neither can add anything but a way to be lied to.
    """

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def is_attestation(self) -> bool:
        """BuildKit's attestations stand in an index for an unknown platform; they are no images."""
        return self.platform is not None and self.platform.os == "unknown"

    def annotation(self, name: str) -> str | None:
        return dict(self.annotations).get(name)

    def __str__(self) -> str:
        return str(self.digest)


def descriptor_document(media_type: str, digest: Digest, size: int) -> dict[str, Any]:
    """A descriptor as it stands in JSON."""
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def parse_descriptor(part: Member, *wanted: Kind) -> Descriptor:
    """Read a descriptor that must point at one of `wanted`. Raises ImageError."""
    media_type = part.get("mediaType")
    refused = refusal(media_type.text(), *wanted)
    if refused is not None:
        what, hint = refused
        raise media_type.fault(what, hint=hint)
    return parse_any_descriptor(part)


def parse_any_descriptor(part: Member) -> Descriptor:
    """Read a descriptor of whatever kind: an index may name things that are no images beside those that are."""
    size = part.get("size")
    if size.number() > _MAX_BLOB:
        raise size.fault("no blob is that large")
    platform = part.find("platform")
    annotations = part.find("annotations")
    return Descriptor(
        media_type=part.get("mediaType").text(),
        digest=part.get("digest").digest(),
        size=size.number(),
        platform=None if platform is None else parse_platform(platform),
        annotations=() if annotations is None else tuple((key, value.text()) for key, value in annotations.members()),
    )


def parse_platform(part: Member) -> Platform:
    """Read the `os`, `architecture` and `variant` members of `part`, wherever image-spec puts them."""
    variant = part.find("variant")
    return Platform.of(
        _word(part.get("os")), _word(part.get("architecture")), None if variant is None else _word(variant, empty=True)
    )


def _word(part: Member, *, empty: bool = False) -> str:
    text = part.text()
    if not _WORD.fullmatch(text) and not (empty and text == ""):
        raise part.expected("a word of letters, digits, dots and dashes")
    return text
