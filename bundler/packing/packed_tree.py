"""The files of one folder of a packed bundle, as they would be on disk, beside the manifest of that folder."""

import hashlib
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from bundler.archives.entry import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DIRECTORY,
    FIFO,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    Entry,
)
from bundler.archives.stream import Content
from bundler.bundles.comparison import Change, Comparison
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.mtree import Listed, encode_path
from bundler.rootfs.paths import clean
from bundler.rootfs.scan import Found
from bundler.rootfs.sparse_files import add_zeros

KINDS: Final = {
    REGULAR: stat.S_IFREG,
    DIRECTORY: stat.S_IFDIR,
    SYMLINK: stat.S_IFLNK,
    CHARACTER_DEVICE: stat.S_IFCHR,
    BLOCK_DEVICE: stat.S_IFBLK,
    FIFO: stat.S_IFIFO,
}


class PackedTree:
    """That of the bundle's folder `top`."""

    def __init__(self, top: str) -> None:
        self._top = top.encode()
        self._links: Counter[bytes] = Counter()  # how many further names a file has
        self._expected: Counter[bytes] = Counter()  # how many it is to have
        self._known: dict[bytes, tuple[Found, str | None]] = {}
        self._current: tuple[Entry, Iterator[Content]] | None = None
        self._further: dict[bytes, bytes] = {}  # the current path, if it is a further name: the first one
        self._digest: str | None = None  # of the current file

    def changes(
        self, lines: Iterator[Listed], entries: Iterable[tuple[bytes, Entry, Iterator[Content]]]
    ) -> Iterator[Change]:
        """What differs, by path: `entries` have theirs in the bundle. Raises MtreeError and what `entries` raise."""
        yield from Comparison(self._read, self._first).changes(lines, self._files(entries))
        for path in sorted(self._links.keys() | self._expected.keys()):
            expected, found = self._expected[path] + 1, self._links[path] + 1
            if expected != found:
                yield Change(encode_path(path).decode(), "changed", {"nlink": (str(expected), str(found))})

    def _files(self, entries: Iterable[tuple[bytes, Entry, Iterator[Content]]]) -> Iterator[Found]:
        for path, entry, content in entries:
            self._current, self._digest = (entry, content), None
            yield self._found(path.removeprefix(self._top).removeprefix(b"/"), entry)

    def _found(self, path: bytes, entry: Entry) -> Found:
        """The entry as it would be on disk. Which names a file has is known in the end, and compared then."""
        if entry.kind == HARD_LINK:
            top, _, first = clean(entry.link_name).partition(b"/")
            known = self._known.get(first) if top == self._top else None
            if known is not None:
                self._links[first] += 1
                self._further[path] = first
                return replace(known[0], path=path)
            # It is a link to what is to have but one name, or to nothing: no line of the manifest is like this.
            return Found(path, stat.S_IFSOCK, Attributes(None))
        return Found(
            path,
            KINDS[entry.kind],
            Attributes(
                None if entry.kind == SYMLINK else entry.mode,
                entry.uid,
                entry.gid,
                entry.mtime,
                entry.mtime,
                entry.xattrs,
            ),
            size=entry.size if entry.kind == REGULAR else 0,
            target=entry.link_name if entry.kind == SYMLINK else b"",
            device=entry.device if entry.kind in (CHARACTER_DEVICE, BLOCK_DEVICE) else (0, 0),
        )

    def _read(self, found: Found) -> str | None:
        first = self._further.get(found.path)
        if first is not None:
            self._digest = self._known[first][1]
        elif self._current is not None:
            self._digest = sha256_of(*self._current)
        return self._digest

    def _first(self, found: Found, line: Listed) -> bytes | None:
        """The first name of the file. Of a file with more names to come, what is known is kept."""
        found.links = line.links
        first = self._further.pop(found.path, None)
        if first is None and found.links > 1 and found.kind != stat.S_IFDIR:
            self._expected[found.path] = found.links - 1
            self._known[found.path] = found, self._digest
        return first


def sha256_of(entry: Entry, content: Iterator[Content]) -> str:
    """The sha256 of a file, holes included, in hexadecimal."""
    digest = hashlib.sha256()
    at = 0
    parts, view = iter(content), memoryview(b"")
    for start, length in entry.sparse if entry.sparse is not None else ((0, entry.size),):
        add_zeros(digest, start - at)
        at = start
        while at < start + length:
            view = view or memoryview(next(parts))
            piece, view = view[: start + length - at], view[start + length - at :]
            digest.update(piece)
            at += len(piece)
    add_zeros(digest, entry.size - at)
    return digest.hexdigest()
