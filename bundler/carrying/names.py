"""The names that images of a file get in the store: those in the file, unless the caller gives one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from bundler.carrying.contents import Incoming
from bundler.errors import ImageError, RequestError, printable
from bundler.images.reference import RegistryReference, is_attached
from bundler.light_dataclasses import dataclass

_NAME_IT: Final = "--name NAME says what it is called in the store"
# What layouts call images by, where the name is that of the folder.
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class GivenName:
    """A name from the command line; without a tag in it, images keep their tags."""

    reference: RegistryReference
    keeps_tag: bool

    @classmethod
    def parse(cls, text: str) -> "GivenName":
        """Raises RequestError."""
        try:
            reference = RegistryReference.parse(text)
        except ValueError as error:
            raise RequestError(f"--name: {printable(str(error))}", hint="for example web:1.2") from None
        if reference.digest is not None or is_attached(reference):
            raise RequestError(f"--name: {printable(text)} is no name with a tag", hint="for example web:1.2")
        return cls(reference, ":" not in text.rpartition("/")[2])

    def instead_of(self, name: str) -> RegistryReference:
        stated = _tag_of(name)
        return replace(self.reference, tag=stated) if self.keeps_tag and stated is not None else self.reference


def name_images(
    label: str, images: Sequence[Incoming], given: Sequence[GivenName] = ()
) -> list[tuple[RegistryReference, Incoming]]:
    """The images by name. Raises RequestError if an image has no name, or two have the same."""
    named = [(name, image) for image in images for name in dict.fromkeys(_names(label, image, given))]
    taken: dict[RegistryReference, list[Incoming]] = {}
    for name, image in named:
        for other in taken.setdefault(name, []):
            if _is_instead_of(other, image):
                hint = f"choose one: {printable(label)}@{image.digest}" if not given else "choose one: FILE:NAME"
                raise RequestError(f"{label}: two images would be {name}", hint=hint)
        taken[name].append(image)
    return named


def _names(label: str, image: Incoming, given: Sequence[GivenName]) -> Iterator[RegistryReference]:
    if given:
        yield from (each.instead_of(name) for each in given for name in image.names or ("",))
        return
    if not image.names:
        raise RequestError(f"{label}: the image {image.digest.short} has no name", hint=_NAME_IT)
    for name in image.names:
        reference = RegistryReference.find(name) if _tag_of(name) != name else None
        if reference is None:
            what = "a tag alone" if _TAG.fullmatch(name) else "no name of a registry's"
            raise RequestError(f"{label}: {printable(name[:200])} is {what}", hint=_NAME_IT)
        if is_attached(reference):
            raise ImageError(f"{label}: {reference} is the name of a signature, and an image has it")
        if reference.digest not in (None, image.digest):
            raise ImageError(f"{label}: an image is called {reference}, and its digest is {image.digest}")
        yield reference


def _tag_of(name: str) -> str | None:
    """The tag of a name, which may be a tag alone; None if it has none."""
    if _TAG.fullmatch(name):
        return name
    reference = RegistryReference.find(name)
    return None if reference is None or ":" not in name.partition("@")[0].rpartition("/")[2] else reference.tag


def _is_instead_of(one: Incoming, other: Incoming) -> bool:
    """Whether two images of one name cannot both be in the store: they are not for different platforms."""
    platforms = one.entry.get("platform"), other.entry.get("platform")
    return one.digest != other.digest and (None in platforms or platforms[0] == platforms[1])
