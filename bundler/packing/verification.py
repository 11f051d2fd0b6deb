"""Verifying a packed bundle without unpacking it.

The entries must be in the order of `pack` (order.py), so that `unpack` makes exactly the files that are verified here.
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from io import BufferedRandom
from itertools import groupby
from typing import IO, Final, Protocol

from bundler.archives.entry import FILE_TYPES, HARD_LINK, REGULAR, Entry
from bundler.archives.stream import Content
from bundler.bundles.bundle import LARGEST
from bundler.bundles.pieces import FOLDERS, BundleMounts, Piece, on_the_way
from bundler.bundles.record import BundleRecord, digest_of
from bundler.bundles.rootfs_image import IMAGE
from bundler.bundles.verification.comparison import Change, Comparison
from bundler.bundles.verification.proof import changed, digests, folders, manifests, named
from bundler.errors import BundlerError, ImageError, RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.packing.order import Placed, ordered
from bundler.packing.packed import Entries
from bundler.packing.restoring import MOST_OPEN
from bundler.progress import SILENT, Meter, Progress
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.home import TreeFile
from bundler.rootfs.mtree import HEADER, Listed, MtreeError, encode_path, group, read_lines
from bundler.rootfs.paths import clean
from bundler.rootfs.scan import as_on_disk
from bundler.rootfs.sparse_files import sha256_of
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.sizes import readable_size


class PackedTree:
    """The files of the bundle's folder `top`, as they would be on disk, beside the manifest of that folder.

    With `most_holes`, no digest is taken of files that have more bytes of holes than these.
    """

    def __init__(self, top: str, most_holes: int = 1 << 62) -> None:
        self._top = top.encode()
        self._holes_left = most_holes
        self.compared = 0
        self._links: Counter[bytes] = Counter()  # how many further names a file has
        self._expected: Counter[bytes] = Counter()  # how many it is to have
        self._known: dict[bytes, tuple[TreeFile, str | None]] = {}
        self._current: tuple[Entry, Iterator[Content]] | None = None
        self._further: dict[bytes, bytes] = {}  # the current path, if it is a further name: the first one
        self._digest: str | None = None  # of the current file

    def changes(
        self, lines: Iterator[Listed], entries: Iterable[tuple[bytes, Entry, Iterator[Content]]]
    ) -> Iterator[Change]:
        """What differs, by path: `entries` have theirs in the bundle. Raises MtreeError and what `entries` raise."""
        comparison = Comparison(self._read, self._first)
        yield from comparison.changes(lines, self._files(entries))
        self.compared = comparison.compared
        for path in sorted(self._links.keys() | self._expected.keys()):
            expected, there = self._expected[path] + 1, self._links[path] + 1
            if expected != there:
                yield Change(encode_path(path).decode(), "changed", {"nlink": (str(expected), str(there))})

    def _files(self, entries: Iterable[tuple[bytes, Entry, Iterator[Content]]]) -> Iterator[TreeFile]:
        for path, entry, content in entries:
            self._current, self._digest = (entry, content), None
            yield self._as_on_disk(path.removeprefix(self._top).removeprefix(b"/"), entry)

    def _as_on_disk(self, path: bytes, entry: Entry) -> TreeFile:
        """The entry as it would be on disk. Which names a file has is known in the end, and compared then."""
        if entry.kind == HARD_LINK:
            top, _, first = clean(entry.link_name).partition(b"/")
            known = self._known.get(first) if top == self._top else None
            if known is not None:
                self._links[first] += 1
                self._further[path] = first
                return replace(known[0], path=path)
            # It is a link to what is to have but one name, or to nothing: no line of the manifest is like this.
            return TreeFile(path, stat.S_IFSOCK, Attributes(None))
        return as_on_disk(path, entry)

    def _read(self, file: TreeFile) -> str | None:
        first = self._further.get(file.path)
        if first is not None:
            self._digest = self._known[first][1]
        elif self._current is not None:
            entry, content = self._current
            self._holes_left -= entry.size - entry.stored_size
            if entry.digest is not None:  # it is taken where the content goes
                self._digest = entry.digest.hexdigest()
            else:
                self._digest = None if self._holes_left < 0 else sha256_of(entry, content)
        return self._digest

    def _first(self, file: TreeFile, line: Listed) -> bytes | None:
        """The first name of the file. Of a file with more names to come, what is known is kept."""
        file.links = line.links
        first = self._further.pop(file.path, None)
        if first is None and file.links > 1 and file.kind != stat.S_IFDIR:
            self._expected[file.path] = file.links - 1
            self._known[file.path] = file, self._digest
        return first


class PackedBundle(Protocol):
    """What can be verified: a packed file, or one bundle of a packed project."""

    label: str

    @property
    def total(self) -> int | None: ...
    def document(self, name: bytes) -> AbstractContextManager[BufferedRandom]: ...
    def entries(self, meter: Meter) -> Entries: ...
    def no_bundle(self) -> BundlerError: ...


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file that was verified already, and has another name in the bundle."""

    piece: Piece
    digest: str


class PackedVerification:
    """The verification of an open file. `recorded` is its bundler.json; once `changes` has ended, `files` counts the
    files that were compared.

    `shared` has the images of root filesystems in other bundles of a project, by the paths that hard links name; once
    `changes` has ended, `image` is that of this bundle. Raises RequestError, and what the entries raise.
    """

    unread: Final = 0

    def __init__(
        self, packed: PackedBundle, progress: Progress = SILENT, shared: Mapping[bytes, SharedFile] | None = None
    ) -> None:
        self._packed = packed
        self._progress = progress
        self._shared = shared or {}
        content = self._document(b"bundler.json")
        if not content:
            raise packed.no_bundle()
        self.recorded = BundleRecord(content, f"{packed.label}/bundler.json").complete(packed.label)
        self.files = len(digests(self.recorded.document))
        self._pieces: dict[str, Piece] = {}
        self._digests: dict[str, str] = {}  # of the files that bundler.json may know
        self._read: dict[str, str] = {}  # of the documents that were gone by, whatever else is called like them
        self._links: Counter[str] = Counter()  # how many further names a file has

    @property
    def image(self) -> SharedFile | None:
        if IMAGE not in self._digests:
            return None
        return SharedFile(self._pieces[IMAGE], self._digests[IMAGE])

    def _document(self, name: bytes) -> bytes:
        with self._packed.document(name) as document:
            content = document.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ImageError(f"{self._packed.label}: {name.decode()} has more than {readable_size(LARGEST)}")
        return content

    def changes(self) -> Iterator[Change]:
        """What differs: files of images by path, then the others. Raises RequestError, ImageError, LayerError."""
        mounted, known = self._mounted(), manifests(self.recorded.document)
        with ExitStack() as stack:
            documents: dict[str, IO[bytes]] = {}
            for folder, name in known.items():
                wanted = digests(self.recorded.document).get(name)
                if wanted is None:
                    continue
                manifest = stack.enter_context(self._packed.document(name.encode()))
                self._read[name] = f"sha256:{hashlib.file_digest(manifest, 'sha256').hexdigest()}"
                if self._read[name] == wanted:
                    documents[folder] = manifest  # another one says nothing about the files
            noted = on_the_way((*mounted.sources, *folders(self.recorded.document)))
            yield from self._in_trees(documents, noted)
        for path, count in self._links.items():
            self._pieces[path] = replace(self._pieces[path], links=1 + count)
        yield from changed(self.recorded.document, self._pieces, (self._digests | self._read).get, mounted)

    def _mounted(self) -> BundleMounts:
        content = self._document(b"config.json")
        self._read["config.json"] = digest_of(content)
        with suppress(RequestError):  # a config.json that makes no sense is a change
            return BundleMounts.of(RuntimeConfig.parse(content, "config.json"))
        return BundleMounts()

    def _in_trees(self, documents: Mapping[str, IO[bytes]], noted: Collection[str]) -> Iterator[Change]:
        """What differs in the folders that have manifests; of all that is elsewhere, pieces are noted."""
        label, left = self._packed.label, dict(documents)
        with self._progress.measure(f"verifying {label}", self._packed.total) as meter:
            try:
                for top, entries in groupby(ordered(self._packed.entries(meter), label), lambda each: _top(each[0])):
                    if top in left:
                        yield from self._in_tree(top, left.pop(top), self._noted_top(entries))
                    else:
                        self._note_all(entries, noted)
                for top, manifest in left.items():
                    yield from self._in_tree(top, manifest, iter(()))
            except MtreeError as error:
                raise ImageError(f"{label}: {error}") from None

    def _in_tree(self, top: str, manifest: IO[bytes], entries: Iterator[Placed]) -> Iterator[Change]:
        manifest.seek(len(HEADER))
        tree = PackedTree(top)
        for change in tree.changes(group(read_lines(manifest)), entries):
            yield named(change, top)
        self.files += tree.compared

    def _noted_top(self, entries: Iterable[Placed]) -> Iterator[Placed]:
        for placed in entries:
            if b"/" not in placed[0]:
                self._note(os.fsdecode(placed[0]), placed[1])
            yield placed

    def _note_all(self, entries: Iterable[Placed], noted: Collection[str]) -> None:
        """Pieces of the bundle, with the digests of those that bundler.json may know."""
        for path, entry, content in entries:
            name = os.fsdecode(path)
            shared = self._shared.get(entry.link_name) if entry.kind == HARD_LINK and name == IMAGE else None
            if shared is not None:
                self._pieces[name], self._digests[name] = replace(shared.piece, links=2), shared.digest
                continue
            if entry.kind == HARD_LINK:
                self._count(name, os.fsdecode(clean(entry.link_name)))
            is_own = b"/" not in path or _top(path) in FOLDERS
            if is_own or name in noted:
                self._note(name, entry)
            if is_own and entry.kind == REGULAR:
                self._digests[name] = f"sha256:{sha256_of(entry, content)}"

    def _count(self, path: str, first: str) -> None:
        """One more name of the file `first`. Raises ImageError where the two are of different parts of the bundle."""
        if first.partition("/")[0] != path.partition("/")[0]:
            raise ImageError(f"{self._packed.label}: {printable(path)} is a hard link to another part of the bundle")
        if first in self._pieces:
            self._links[first] += 1

    def _note(self, path: str, entry: Entry) -> None:
        kind = FILE_TYPES.get(entry.kind, stat.S_IFREG)  # a further name of a file is a file with two names
        mode = entry.mode if path else entry.mode & MOST_OPEN
        self._pieces[path] = Piece(kind, mode, entry.uid, entry.gid, links=2 if entry.kind == HARD_LINK else 1)


def _top(path: bytes) -> str:
    return os.fsdecode(path.partition(b"/")[0])
