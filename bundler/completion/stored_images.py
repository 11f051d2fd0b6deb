"""Images that are here already: in the store, in a layout, in an archive. Only their names and platforms are read."""

import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from bundler.completion.documents import Document, load, member, objects, parsed, strings, text

if TYPE_CHECKING:
    from bundler.archives.stream import ByteStream

_NAME: Final = "org.opencontainers.image.ref.name"
_ATTACHED: Final = re.compile(r":sha(?:256|512)-[0-9a-f]{64,128}(?:\.[a-z]+)?$")  # as store/attached.py names it
_FULL_NAME: Final = "io.containerd.image.name"
_OFFICIAL: Final = ("docker.io/library/", "docker.io/")
_MOST_MEMBERS: Final = 20_000  # of an archive, whose headers are read
_MOST_BYTES: Final = 64 << 20  # decompressed, in a quarter of a second
_LARGEST: Final = 4 << 20
_LISTS: Final = ("manifest.json", "index.json")  # the first has the names that people know, where there are both


class Listed(NamedTuple):
    """An image of an index.json."""

    name: str
    platform: str
    digest: str


def familiar(name: str) -> str:
    """As people write it: `nginx:1.27` is docker.io/library/nginx:1.27."""
    return next((name.removeprefix(start) for start in _OFFICIAL if name.startswith(start)), name)


def listed(layout: str | Path) -> list[Listed]:
    """The images of an OCI image layout, and nothing that is attached to one; none if it is no such directory."""
    return [image for image in _of_index(load(Path(layout, "index.json"))) if not _ATTACHED.search(image.name)]


def platforms(layout: str | Path, name: str) -> Iterator[str]:
    """Those that the layout has of an image, whose `name` may be the familiar one; of any if that is empty."""
    last = name.rpartition("/")[2]
    meant = {name, name if ":" in last or "@" in last else f"{name}:latest"}
    for image in listed(layout):
        if not name or not meant.isdisjoint((image.name, familiar(image.name))):
            yield from [image.platform] if image.platform else _stated_by(layout, image.digest)


def _stated_by(layout: str | Path, digest: str) -> list[str]:
    """The platforms of an index, or the one of a manifest, whose config says it."""
    document = _blob(layout, digest)
    config = text(member(document, "config", "digest"))
    return [_platform(_blob(layout, config))] if config else [image.platform for image in _of_index(document)]


def _blob(layout: str | Path, digest: str) -> Document:
    algorithm, _, encoded = digest.partition(":")
    return load(Path(layout, "blobs", algorithm, encoded)) if f"{algorithm}{encoded}".isalnum() else None


def _platform(document: Document) -> str:
    parts = [text(member(document, part)) for part in ("os", "architecture", "variant")]
    return "" if "unknown" in parts else "/".join(filter(None, parts))


def _of_index(document: Document) -> list[Listed]:
    images = []
    for entry in objects(member(document, "manifests")):
        names = (text(member(entry, "annotations", annotation)) for annotation in (_FULL_NAME, _NAME))
        platform = _platform(member(entry, "platform"))
        images.append(Listed(next(filter(None, names), ""), platform, text(member(entry, "digest"))))
    return images


def names_in_archive(path: str) -> list[str]:
    """The names of the images in a docker-archive or oci-archive; `@0`, `@1` where they have none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return []
    try:
        status = os.fstat(descriptor)
        documents = _lists(descriptor, status.st_size) if stat.S_ISREG(status.st_mode) else {}
    finally:
        os.close(descriptor)
    saved = objects(parsed(documents.get(_LISTS[0], b"")))
    if saved:
        tags = [text(tag) for entry in saved for tag in strings(member(entry, "RepoTags"))]
        return tags or _positions(len(saved))
    images = _of_index(parsed(documents.get(_LISTS[1], b"")))
    return [image.name for image in images if image.name] or _positions(len(images))


def _positions(count: int) -> list[str]:
    return [f"@{at}" for at in range(count)]


def _lists(descriptor: int, size: int) -> dict[str, bytes]:
    """The documents of an archive that list its images, as far as they are found with little reading."""
    from bundler.archives.compression import NONE, compression_of, decompress  # noqa: PLC0415 -- few words need it
    from bundler.archives.stream import DamagedError  # noqa: PLC0415
    from bundler.archives.tar import TarReader  # noqa: PLC0415
    from bundler.images.layer import FileSlice  # noqa: PLC0415

    source = FileSlice(descriptor, 0, size)
    plain = compression_of(FileSlice(descriptor, 0, size)) is NONE
    documents: dict[str, bytes] = {}
    try:
        stream = source if plain else _Beginning(decompress(source)[1])
        reader = TarReader(stream, source.skip if plain else None)
        for entry in islice(reader, _MOST_MEMBERS):
            name = os.path.normpath(entry.name.decode("utf-8", "replace"))
            if name in _LISTS and entry.stored_size <= _LARGEST:
                documents[name] = b"".join(map(bytes, reader.content()))
            if _LISTS[0] in documents:
                break
    except DamagedError:
        pass  # what was found before is shown all the same
    return documents


class _Beginning:
    """The first bytes of a stream, which a bomb has any number of."""

    def __init__(self, stream: "ByteStream") -> None:
        self._stream = stream
        self._left = _MOST_BYTES

    def read(self, size: int, /) -> bytes:
        content = self._stream.read(min(size, self._left)) if self._left else b""
        self._left -= len(content)
        return content
