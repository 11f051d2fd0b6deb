"""What a bundle is packed from: its files as entries of an archive."""

from collections.abc import Iterable, Iterator

from bundler.archives.entry import Entry
from bundler.archives.stream import Content
from bundler.progress import Meter

Entries = Iterable[tuple[Entry, Iterable[Content]]]
"""In order, each with what is to be stored for it, in pieces of which each is good until the next."""


def metered(entries: Entries, meter: Meter) -> Iterator[tuple[Entry, Iterable[Content]]]:
    """The same; `meter` is told of the bytes of each file, its holes included, as they are taken."""

    def content(stored: Iterable[Content]) -> Iterator[Content]:
        for part in stored:
            meter(len(part))
            yield part

    for entry, stored in entries:
        yield entry, content(stored)
        if entry.sparse is not None:
            meter(entry.size - entry.stored_size)
