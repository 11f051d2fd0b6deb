"""What an image may be called on a command line: names in the store, transports, files, names in a file."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from bundler.completion.candidate import Candidate
from bundler.completion.command_line import Place
from bundler.completion.paths import expanded, files
from bundler.completion.stored_images import familiar, listed, names_in_archive
from bundler.store import VARIABLE, default_place

_ARCHIVE: Final = re.compile(r"\.(tar|tgz|tzst|txz|tbz2?|tar\.\w+)$", re.IGNORECASE)
_STORED: Final = "in the store"
_REGISTRY: Final = "docker://"
# A transport with a path behind it, and whether that is a directory.
_PATHS: Final = {
    **dict.fromkeys(("docker-archive:", "oci-archive:", "rootfs-tar:"), False),
    **dict.fromkeys(("oci:", "dir:", "rootfs:"), True),
}
_WITH_NAMES: Final = ("docker-archive:", "oci-archive:", "oci:", "")


def images(transports: Mapping[str, str], place: Place) -> Iterator[Candidate]:
    """`transports` are what is typed in front of a path or name, and what follows."""
    transport = next((each for each in transports if place.word.startswith(each)), "")
    if transport == _REGISTRY:
        yield from (each._replace(value=_REGISTRY + each.value) for each in stored(place, transport))
    elif transport:
        yield from _at_a_path(transport, place.word.removeprefix(transport))
    else:
        yield from stored(place)
        yield from (Candidate(each, takes, open=True) for each, takes in transports.items())
        yield from _at_a_path("", place.word)


def stored(place: Place, before: str = "") -> Iterator[Candidate]:
    """The images of the store, by the names people use; by whole ones once a registry's name is typed."""
    store = store_of(place)
    for image in listed(store) if store else ():
        yield Candidate(familiar(image.name), _STORED)
        if place.word != before:
            yield Candidate(image.name, _STORED)


def store_of(place: Place) -> str | None:
    """Where the store is that a command line means."""
    stated = place.last("--store") or os.environ.get(VARIABLE)
    return expanded(stated) if stated else str(default_place() or "") or None


def layout_of(image: str) -> tuple[str, str] | None:
    """The directory and the name in it that `oci:DIR:NAME` says; None for what is in the store."""
    path, _, name = _parted(image.removeprefix("oci:"))
    return (expanded(path), name) if image.startswith("oci:") else None


def _at_a_path(transport: str, rest: str) -> Iterator[Candidate]:
    path, colon, _ = _parted(rest)
    if colon:
        chosen = _names_at(expanded(path)) if transport in _WITH_NAMES else ()
        yield from (Candidate(f"{transport}{path}:{name}") for name in chosen if name)
    elif transport in _PATHS or not transport:
        directory = _PATHS.get(transport, False)
        # Without a transport, a name is a path if it begins as one, or ends as those of archives do.
        any_file = bool(transport) or rest.startswith(("/", "./", "../", "~"))
        there = files(rest, lambda entry: not directory and (any_file or bool(_ARCHIVE.search(entry.name))))
        yield from (each._replace(value=transport + each.value, path=each.path and not transport) for each in there)


def _names_at(path: str) -> list[str]:
    return [image.name for image in listed(path)] if os.path.isdir(path) else names_in_archive(path)  # noqa: PTH112


def _parted(rest: str) -> tuple[str, str, str]:
    """FILE:NAME at the first colon behind a path that is there; both may hold colons."""
    ends = (match.start() for match in re.finditer(":", rest))
    end = next((end for end in ends if end and os.path.exists(expanded(rest[:end]))), len(rest))  # noqa: PTH110
    return rest[:end], rest[end : end + 1], rest[end + 1 :]
