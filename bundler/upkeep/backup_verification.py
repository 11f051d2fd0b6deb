"""Verifying a backup without restoring it: it is as it was written, and holds nothing that a backup cannot hold.

Its files lie in the folders that it names, in real directories, in order, no name twice; there are no devices, and no
hard links from one folder into another. `restore` makes exactly the files that are verified here.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from bundler.archives.entry import DEVICES, DIRECTORY, FILE_TYPES, HARD_LINK, REGULAR, Entry
from bundler.archives.stream import Content
from bundler.bundles.bundle import LARGEST
from bundler.bundles.data_folders import data_line, is_data_place
from bundler.bundles.record import check_format
from bundler.bundles.verification.comparison import Change
from bundler.errors import ImageError, LayerError, RequestError, printable
from bundler.origins import Json
from bundler.packing.packed import PackedFile
from bundler.progress import SILENT, Progress
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.home import TreeFile
from bundler.rootfs.mtree import HEADER, Listed, MtreeError, encode_path, group, read_lines, sort_key
from bundler.rootfs.paths import clean, split
from bundler.rootfs.scan import as_on_disk
from bundler.rootfs.sparse_files import sha256_of
from bundler.strict_json import parse_object

DOCUMENT: Final = "backup.json"
MANIFEST: Final = "backup.mtree"
FORMAT: Final = 1
_AHEAD: Final = (b"", DOCUMENT.encode(), MANIFEST.encode())

Placed = tuple[bytes, Entry, Iterator[Content]]
"""The path of an entry, the entry, and what is stored for it."""


class BackupVerification:
    """The verification of an open file. `digest` is that of its backup.json, `folders` are those in it. Once `changes`
    has ended, `files` counts the files that were compared.

    Raises ImageError for what is no backup, and what the entries of the file raise.
    """

    unread: Final = 0

    def __init__(self, packed: PackedFile, progress: Progress = SILENT) -> None:
        self._packed = packed
        self._progress = progress
        with packed.document(DOCUMENT.encode()) as stream:
            content = stream.read(LARGEST + 1)
        if not content or len(content) > LARGEST:
            raise ImageError(f"{packed.label} is no backup", hint="`bundler backup` makes one")
        self.digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        label = f"{packed.label}: {DOCUMENT}"
        document = parse_object(content, label, ())
        check_format(document, label, FORMAT)
        self.folders = _folders(document, label)
        self.owned = document.get("owned") is not False
        self.manifest = document.get("manifest")
        self.files = 0

    def changes(self) -> Iterator[Change]:
        """What differs from backup.mtree, by path."""
        with self._packed.document(MANIFEST.encode()) as manifest:
            if f"sha256:{hashlib.file_digest(manifest, 'sha256').hexdigest()}" != self.manifest:
                yield Change(MANIFEST, "changed")
                return
            manifest.seek(len(HEADER))
            try:
                yield from _merge(group(read_lines(manifest)), self._described())
            except (MtreeError, ValueError) as error:
                raise ImageError(f"{self._packed.label}: {MANIFEST}: {error}") from None

    def entries(self) -> Iterator[Placed]:
        """Those of the folders, in order. Raises LayerError for what no backup has."""
        above: list[bytes] = []
        before: bytes | None = None
        with self._progress.measure(f"reading {self._packed.label}", self._packed.total) as meter:
            for number, (entry, content) in enumerate(self._packed.entries(meter)):
                path = clean(entry.name)
                if number < len(_AHEAD):
                    if path != _AHEAD[number] or entry.kind != (REGULAR if path else DIRECTORY):
                        raise self._refused(entry, "it is not where `bundler backup` has it")
                    continue
                folder = self._folder_of(path)
                self._check(path, entry, folder)
                while above and not path.startswith(above[-1] + b"/"):
                    above.pop()
                in_order = before is None or sort_key(before) < sort_key(path)
                if not in_order or (path != folder and (not above or split(path)[0] != above[-1])):
                    raise self._refused(entry, "it is not where `bundler backup` has it")
                before = path
                if entry.kind == DIRECTORY:
                    above.append(path)
                yield path, entry, content

    def _folder_of(self, path: bytes) -> bytes | None:
        return next((each for each in self.folders if path == each or path.startswith(each + b"/")), None)

    def _check(self, path: bytes, entry: Entry, folder: bytes | None) -> None:
        if folder is None:
            raise self._refused(entry, f"it is in none of the folders that {DOCUMENT} names")
        if entry.kind != HARD_LINK and (entry.kind in DEVICES or entry.kind not in FILE_TYPES):
            raise self._refused(entry, "it is a device, which no backup holds")
        if path == folder and entry.kind != DIRECTORY:
            raise self._refused(entry, "it is not a directory")
        if entry.kind == HARD_LINK and self._folder_of(clean(entry.link_name)) != folder:
            raise self._refused(entry, "it is a hard link into another folder")

    def _refused(self, entry: Entry, why: str) -> LayerError:
        return LayerError(f"{self._packed.label}: {printable(entry.name[:200])}: {why}")

    def _described(self) -> Iterator[tuple[bytes, bytes]]:
        """Each path, and what a manifest says of it."""
        for path, entry, content in self.entries():
            self.files += 1
            if entry.kind == HARD_LINK:
                yield path, data_line(TreeFile(path, stat.S_IFREG, Attributes(None)), None, clean(entry.link_name))
                continue
            digest = sha256_of(entry, content) if entry.kind == REGULAR else None
            yield path, data_line(as_on_disk(path, entry), digest, None)


def _folders(document: dict[str, Json], label: str) -> list[bytes]:
    stated = document.get("folders")
    if not isinstance(stated, list) or not all(isinstance(path, str) and is_data_place(path) for path in stated):
        raise RequestError(f"{label}: folders: not the names of folders that hold data")
    return [os.fsencode(path) for path in stated]


def _merge(expected: Iterator[Listed], there: Iterable[tuple[bytes, bytes]]) -> Iterator[Change]:
    line = next(expected, None)
    for path, text in there:
        while line is not None and sort_key(line.path) < sort_key(path):
            yield _change(line.path, "missing")
            line = next(expected, None)
        if line is None or line.path != path:
            yield _change(path, "extra")
            continue
        if line.text != text:
            yield _change(path, "changed")
        line = next(expected, None)
    while line is not None:
        yield _change(line.path, "missing")
        line = next(expected, None)


def _change(path: bytes, what: str) -> Change:
    return Change(encode_path(path).decode("ascii", "backslashreplace"), what)
