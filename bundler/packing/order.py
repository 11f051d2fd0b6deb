"""The order of entries in what `pack` writes, where no name can stand twice, and nothing can lie below a symlink."""

from collections.abc import Iterable, Iterator

from bundler.archives.entry import DIRECTORY, Entry
from bundler.archives.stream import Content
from bundler.bundles.files import DOCUMENTS
from bundler.errors import ImageError, printable
from bundler.rootfs.mtree import sort_key
from bundler.rootfs.paths import clean, split

Placed = tuple[bytes, Entry, Iterator[Content]]
"""The path of an entry, the entry, and what is stored for it."""


def ordered(entries: Iterable[tuple[Entry, Iterator[Content]]], label: str) -> Iterator[Placed]:
    """The entries of a bundle with their paths. Raises ImageError where `unpack` could make something else of them.

    `label` names what they are of in messages.
    """
    above = [b""]
    before: bytes | None = None
    documents: set[bytes] = set()
    for entry, content in entries:
        path = clean(entry.name)
        while len(above) > 1 and split(path)[0] != above[-1]:
            above.pop()
        later = before is None or sort_key(before) < sort_key(path)
        in_order = path not in documents if path in DOCUMENTS else later
        is_whole = before is not None or (not path and entry.kind == DIRECTORY)
        if not is_whole or split(path)[0] != above[-1] or not in_order:
            raise misplaced(entry, label)
        if path in DOCUMENTS:
            documents.add(path)
        else:
            before = path
        if entry.kind == DIRECTORY and path:
            above.append(path)
        yield path, entry, content


def misplaced(entry: Entry, label: str) -> ImageError:
    """What to raise for an entry that `pack` would not have written here."""
    return ImageError(
        f"{label}: {printable(entry.name[:200])} is not where `pack` has it",
        hint="`bundler unpack` may still be able to unpack and verify it",
    )
