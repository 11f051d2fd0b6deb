"""Whether the bundle in a packed file is what was built. Nothing is unpacked: the file is read, and that is all.

What is looked at has to be what `unpack` would make. So the entries have to come in the order of `pack`, where no name
can stand twice, and nothing can lie below a symlink.
"""

import hashlib
import stat
from collections import Counter
from collections.abc import Iterator
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
from bundler.bundles.documents import LARGEST
from bundler.bundles.files import DOCUMENTS, ROOTFS
from bundler.bundles.packed import PackedFile
from bundler.bundles.recorded import Recorded
from bundler.errors import ImageError, printable
from bundler.progress import SILENT, Progress
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.mtree import HEADER, Listed, MtreeError, encode_path, group, read_lines, sort_key
from bundler.rootfs.paths import clean, split
from bundler.rootfs.scan import Found
from bundler.rootfs.sparse_files import add_zeros

_KINDS: Final = {
    REGULAR: stat.S_IFREG,
    DIRECTORY: stat.S_IFDIR,
    SYMLINK: stat.S_IFLNK,
    CHARACTER_DEVICE: stat.S_IFCHR,
    BLOCK_DEVICE: stat.S_IFBLK,
    FIFO: stat.S_IFIFO,
}


class PackedVerification:
    """A look at an open file. `recorded` is its bundler.json. Raises RequestError, and what its entries raise."""

    unread: Final = 0

    def __init__(self, packed: PackedFile, progress: Progress = SILENT) -> None:
        self._packed = packed
        self._progress = progress
        with packed.document(b"bundler.json") as document:
            content = document.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ImageError(f"{packed.label}: bundler.json has more than {LARGEST} bytes")
        if not content:
            raise ImageError(f"{packed.label} holds no bundle")
        self.recorded = Recorded(content, packed.label)
        self._digests: dict[str, str] = {}  # of the files that bundler.json may know
        self._links: Counter[bytes] = Counter()  # how many further names a file has
        self._expected: Counter[bytes] = Counter()  # how many it is to have
        self._known: dict[bytes, tuple[Found, str | None]] = {}
        self._current: tuple[Entry, Iterator[Content]] | None = None
        self._further: dict[bytes, bytes] = {}  # the current path, if it is a further name: the first one
        self._digest: str | None = None  # of the current file

    def changes(self) -> Iterator[Change]:
        """What differs: files of the rootfs by path, then documents. Raises RequestError, ImageError, LayerError."""
        label = self._packed.label
        with self._packed.document(b"rootfs.mtree") as manifest:
            digest = f"sha256:{hashlib.file_digest(manifest, 'sha256').hexdigest()}"
            if digest != self.recorded.document["manifest"]:
                yield Change("rootfs.mtree", "changed")
                return
            manifest.seek(len(HEADER))
            comparison = Comparison(self._read, self._first)
            with self._progress.measure(label, self._packed.total) as meter:
                try:
                    files = self._files(self._packed.entries(meter))
                    yield from comparison.changes(group(read_lines(manifest)), files)
                except MtreeError as error:
                    raise ImageError(f"{label}: rootfs.mtree: {error}") from None
        for path in sorted(self._links.keys() | self._expected.keys()):
            expected, found = self._expected[path] + 1, self._links[path] + 1
            if expected != found:
                yield Change(encode_path(path).decode(), "changed", {"nlink": (str(expected), str(found))})
        hooks = [path for path in self._digests if path == "hooks" or path.startswith("hooks/")]
        yield from self.recorded.changes(self._digests.get, hooks)

    def _files(self, entries: Iterator[tuple[Entry, Iterator[Content]]]) -> Iterator[Found]:
        """Those of the rootfs; of the others, the digests are kept that bundler.json may know."""
        for path, entry, content in self._ordered(entries):
            top, _, below = path.partition(b"/")
            if top == ROOTFS:
                self._current, self._digest = (entry, content), None
                yield self._found(below, entry)
            elif top == b"hooks" or b"/" not in path:
                if entry.kind == REGULAR:
                    self._digests[path.decode("utf-8", "surrogateescape")] = f"sha256:{_hash(entry, content)}"
                elif entry.kind != DIRECTORY:
                    self._digests[path.decode("utf-8", "surrogateescape")] = ""

    def _ordered(
        self, entries: Iterator[tuple[Entry, Iterator[Content]]]
    ) -> Iterator[tuple[bytes, Entry, Iterator[Content]]]:
        """The entries with their paths. Raises ImageError where `unpack` could make something else of them."""
        above = [b""]
        before: bytes | None = None
        documents: set[bytes] = set()
        for entry, content in entries:
            path = clean(entry.name)
            while len(above) > 1 and split(path)[0] != above[-1]:
                above.pop()
            is_document = path in DOCUMENTS and path not in documents
            in_order = before is None or sort_key(before) < sort_key(path)
            is_whole = before is not None or (not path and entry.kind == DIRECTORY)
            if not is_whole or split(path)[0] != above[-1] or not (is_document or in_order):
                name = printable(entry.name[:200])
                raise ImageError(
                    f"{self._packed.label}: {name} is not where `pack` has it",
                    hint="`bundler unpack` may still be able to unpack and verify it",
                )
            if is_document:
                documents.add(path)
                before = before or b""
            else:
                before = path
            if entry.kind == DIRECTORY and path:
                above.append(path)
            yield path, entry, content

    def _found(self, path: bytes, entry: Entry) -> Found:
        """The entry as it would be on disk. Which names a file has is known in the end, and compared then."""
        if entry.kind == HARD_LINK:
            top, _, first = clean(entry.link_name).partition(b"/")
            known = self._known.get(first) if top == ROOTFS else None
            if known is not None:
                self._links[first] += 1
                self._further[path] = first
                return replace(known[0], path=path)
            # It is a link to what is to have but one name, or to nothing: no line of the manifest is like this.
            return Found(path, stat.S_IFSOCK, Attributes(None))
        return Found(
            path,
            _KINDS[entry.kind],
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
            self._digest = _hash(*self._current)
        return self._digest

    def _first(self, found: Found, line: Listed) -> bytes | None:
        """The first name of the file. Of a file with more names to come, what is known is kept."""
        found.links = line.links
        first = self._further.pop(found.path, None)
        if first is None and found.links > 1 and found.kind != stat.S_IFDIR:
            self._expected[found.path] = found.links - 1
            self._known[found.path] = found, self._digest
        return first


def _hash(entry: Entry, content: Iterator[Content]) -> str:
    """The sha256 of a file, holes included."""
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
