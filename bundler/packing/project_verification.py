"""Verifying a packed project without unpacking it, in one pass.

The entries must be in the order of `pack`: project.json, the bundles by name, each with its documents before the files
that they are about, and the volumes. So each bundle is verified as one that is packed alone, while it is read.
"""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BufferedRandom
from itertools import chain, groupby
from typing import Final

from bundler.archives.entry import DIRECTORY, FILE_TYPES, HARD_LINK, REGULAR, Entry
from bundler.archives.stream import Content
from bundler.bundles.bundle import LARGEST
from bundler.bundles.files import DOCUMENTS
from bundler.bundles.pieces import Piece
from bundler.bundles.rootfs_image import IMAGE
from bundler.bundles.verification.comparison import Change
from bundler.errors import BundlerError, ImageError, RequestError, printable
from bundler.packing.order import misplaced, ordered
from bundler.packing.packed import Entries, PackedFile
from bundler.packing.restoring import MOST_OPEN
from bundler.packing.verification import PackedVerification, SharedFile
from bundler.progress import SILENT, Meter, Progress
from bundler.project.record import NAME, VOLUMES, ProjectBundle, ProjectRecord
from bundler.project.verification import Judge, changed_pieces, changes_in, no_judge
from bundler.rootfs.paths import clean
from bundler.sizes import readable_size

_HINT: Final = "bundler pack writes a project as one file"
_VOLUMES: Final = VOLUMES.encode()
_PIECE: Final = 1 << 20


class PackedProjectVerification:
    """The verification of an open file. Once `changes` has ended, `record` is its project.json, and `files` counts the
    files that were compared. `judge` is asked about each bundle's record. Raises RequestError, and what the entries
    raise.
    """

    unread: Final = 0

    def __init__(self, packed: PackedFile, progress: Progress = SILENT, judge: Judge = no_judge) -> None:
        self._packed = packed
        self._judge = judge
        self._progress = progress
        with packed.document(NAME.encode()) as document:
            content = document.read(LARGEST + 1)
        if not content or len(content) > LARGEST:
            why = f"more than {readable_size(LARGEST)}" if content else "nothing"
            raise ImageError(f"{packed.label}: {NAME} has {why}", hint=_HINT)
        self.record = ProjectRecord.parse(content, f"{packed.label}/{NAME}")
        self._content = content
        self._pieces: dict[str, Piece] = {}
        self._shared: dict[bytes, SharedFile] = {}
        self.files = 1

    def changes(self) -> Iterator[Change]:
        """What differs: the bundles by name, then the project's own files. Raises RequestError, ImageError, LayerError.

        Of a bundle whose documents make no sense, nothing else is told.
        """
        bundles = {bundle.name: bundle for bundle in self.record.bundles}
        before = ""
        with self._progress.measure(f"verifying {self._packed.label}", self._packed.total) as meter:
            entries = self._packed.entries(meter)
            self._take_own(entries)
            for name, of_top in groupby(entries, lambda each: _top(each[0].name)):
                if name == VOLUMES:
                    self._take_volumes(of_top)
                elif name in bundles:
                    yield from self._of_bundle(bundles[name], of_top, is_next=name > before)
                    before = name
                else:
                    self._note(name, next(of_top)[0])
        yield from changed_pieces(self.record, self._pieces)

    def _take_own(self, entries: Entries) -> None:
        """The directory, and project.json, whose content is what was read. Raises ImageError."""
        for path, kind in ((b"", DIRECTORY), (NAME.encode(), REGULAR)):
            entry, content = next(entries)  # there are both, or no document would have been found
            if clean(entry.name) != path or entry.kind != kind:
                raise misplaced(entry, self._packed.label)
            if path and b"".join(map(bytes, content)) != self._content:
                raise ImageError(f"{self._packed.label} was changed meanwhile", hint="try again")
            self._note(os.fsdecode(path), entry, closed=True)

    def _of_bundle(self, bundle: ProjectBundle, entries: Entries, *, is_next: bool) -> Iterator[Change]:
        label = f"{self._packed.label}/{printable(bundle.name)}"
        entry, _ = next(entries)
        if not is_next or VOLUMES in self._pieces:
            raise misplaced(entry, self._packed.label)
        self._note(bundle.name, entry, closed=True)
        if entry.kind != DIRECTORY:
            return
        with _part(label, bundle.name, entry, entries) as part:
            shared = self._shared
            verification = yield from changes_in(bundle, lambda: PackedVerification(part, shared=shared), self._judge)
        if verification is None:
            return
        if verification.image is not None:
            self._shared[os.fsencode(f"../{bundle.name}/{IMAGE}")] = verification.image
        self.files += verification.files

    def _take_volumes(self, entries: Entries) -> None:
        """What they hold is data; it has to lie in them."""
        label = self._packed.label
        first = next(entries)
        if first[0].kind != DIRECTORY:
            self._note(VOLUMES, first[0])
            return
        for path, entry, _ in ordered(_moved(chain([first], entries), VOLUMES, label), label):
            if b"/" not in path:
                self._note(f"{VOLUMES}/{os.fsdecode(path)}".rstrip("/"), entry)
            if entry.kind == HARD_LINK and clean(entry.link_name).partition(b"/")[0] != path.partition(b"/")[0]:
                raise _linked(entry, label)

    def _note(self, path: str, entry: Entry, *, closed: bool = False) -> None:
        if path in self._pieces:
            raise misplaced(entry, self._packed.label)
        kind = FILE_TYPES.get(entry.kind, stat.S_IFREG)  # a further name of a file is a file with two names
        mode = entry.mode & MOST_OPEN if closed and entry.kind == DIRECTORY else entry.mode
        self._pieces[path] = Piece(kind, mode, entry.uid, entry.gid, links=2 if entry.kind == HARD_LINK else 1)


class _Part:
    """One bundle of a packed project, as if it were packed alone: its documents are kept, its other entries can be read
    once.
    """

    total: Final = None

    def __init__(self, label: str, entries: Entries, documents: Mapping[bytes, BufferedRandom]) -> None:
        self.label = label
        self._entries = entries
        self._documents = documents

    @contextmanager
    def document(self, name: bytes) -> Iterator[BufferedRandom]:
        """The document, from its beginning; an empty file if there is none."""
        with tempfile.TemporaryFile() as nothing:
            document = self._documents.get(name, nothing)
            document.seek(0)
            yield document

    def entries(self, _meter: Meter = lambda _count: None) -> Entries:
        """All entries, for once."""
        return self._entries

    def no_bundle(self) -> BundlerError:
        return RequestError(f"{self.label} holds no bundle", hint=_HINT)


@contextmanager
def _part(label: str, name: str, top: Entry, entries: Entries) -> Iterator[_Part]:
    """The part of the bundle `name`: `top` is its folder, `entries` are what that holds."""
    with ExitStack() as held:
        documents: dict[bytes, BufferedRandom] = {}
        moved = _moved(chain([(top, iter(()))], entries), name, label)
        ahead, rest = [next(moved)], moved
        for entry, content in moved:
            path = clean(entry.name)
            if path not in DOCUMENTS or path in documents or entry.kind != REGULAR or entry.sparse is not None:
                rest = chain([(entry, content)], moved)
                break
            documents[path] = held.enter_context(tempfile.TemporaryFile())
            for part in content:
                documents[path].write(part)
            ahead.append((entry, _read_again(documents[path])))
        yield _Part(label, chain(ahead, _without_documents(rest, label)), documents)


def _read_again(document: BufferedRandom) -> Iterator[Content]:
    document.seek(0)
    while part := document.read(_PIECE):
        yield part


def _without_documents(entries: Entries, label: str) -> Entries:
    """The `entries`. Raises ImageError for a document behind what it would speak of, which was not held against it."""
    for entry, content in entries:
        if clean(entry.name) in DOCUMENTS:
            raise misplaced(entry, label)
        yield entry, content


def _moved(entries: Entries, name: str, label: str) -> Entries:
    """The `entries` of the folder `name`, by their paths in it; hard links to images of other bundles stay as they are.

    Raises ImageError for other links that lead out of the folder.
    """
    folder = os.fsencode(name)
    for entry, content in entries:
        path = clean(entry.name)
        inside = path.removeprefix(folder).removeprefix(b"/")
        entry.name = b"./" + inside
        if entry.kind == HARD_LINK:
            top, _, target = clean(entry.link_name).partition(b"/")
            if top == folder:
                entry.link_name = b"./" + target
            elif inside == IMAGE.encode() == target and top != _VOLUMES:
                entry.link_name = b"../%b/%b" % (top, target)
            else:
                raise _linked(entry, label)
        yield entry, content


def _linked(entry: Entry, label: str) -> ImageError:
    return ImageError(f"{label}: {printable(entry.name[:200])} is a hard link to another part of the project")


def _top(name: bytes) -> str:
    return os.fsdecode(clean(name).partition(b"/")[0])
