"""Which of several images in one archive or layout is meant."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bundler.errors import RequestError, printable
from bundler.images.registry_reference import RegistryReference

_SHORT_DIGEST: Final = re.compile(r"sha(?:256:[0-9a-f]{4,64}|512:[0-9a-f]{4,128})")
_LISTED: Final = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """At most one field is set; none if nothing was said.

    `position` counts from 0. `digest` is a whole one or its beginning, of at least four digits (`sha256:1a2b`).
    """

    name: str | None = None
    position: int | None = None
    digest: str | None = None


def parse_choice(text: str) -> Choice:
    """Read `:NAME`, `:@POSITION`, `@sha256:DIGEST` or nothing. Raises RequestError."""
    if not text:
        return Choice()
    chosen = text.removeprefix(":")
    if chosen and not chosen.startswith("@"):
        return Choice(name=chosen)
    chosen = chosen.removeprefix("@")
    if re.fullmatch(r"[0-9]{1,9}", chosen):
        return Choice(position=int(chosen))
    if _SHORT_DIGEST.fullmatch(chosen):
        return Choice(digest=chosen)
    raise RequestError(
        f'"{printable(text)}" does not choose an image', hint="write :NAME, :@POSITION (from 0) or @sha256:DIGEST"
    )


def same_name(asked: str, stated: str | None) -> bool:
    """Whether both texts name the same image once they are complete: `nginx` is `docker.io/library/nginx:latest`."""
    if stated is None:
        return False
    if asked == stated:
        return True
    try:
        return RegistryReference.parse(asked) == RegistryReference.parse(stated)
    except ValueError:
        return False


def listing(images: Sequence[tuple[str, str]]) -> str | None:
    """A hint that lists what can be chosen, from (name or "", how to choose it otherwise); None if there is nothing."""
    if not images:
        return None
    shown = [f":{printable(name)}" if name else other for name, other in images[:_LISTED]]
    if len(set(shown)) < len(shown):
        shown = [f"{other}{name and f' ({printable(name)})'}" for name, other in images[:_LISTED]]
    more = f" and {len(images) - _LISTED} more" if len(images) > _LISTED else ""
    return f"choose with one of: {', '.join(shown)}{more}"
