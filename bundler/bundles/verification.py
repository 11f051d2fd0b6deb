"""Whether a bundle still is what was built: rootfs/ against rootfs.mtree, documents and hooks against bundler.json.

bundler.json is where trust begins: it holds the digests of config.json, of rootfs.mtree and of the files of hooks/.
Who keeps the digest of bundler.json elsewhere can tell whether anything at all was changed.
"""

import hashlib
import io
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import IO, Final, Self

from bundler.bundles.comparison import Change, Comparison
from bundler.bundles.documents import open_document, read_document
from bundler.bundles.files import bundle_owners
from bundler.bundles.recorded import Recorded
from bundler.errors import RequestError, printable
from bundler.rootfs.failures import explain
from bundler.rootfs.mtree import HEADER, Listed, MtreeError, decode_name, group, read_line
from bundler.rootfs.owners import kept
from bundler.rootfs.scan import Found, hash_file, walk
from bundler.rootfs.tree import Tree
from bundler.workers.read_apart import read_apart

_REQUIRED: Final = ("config.json", "rootfs.mtree")
_PARTS_EACH: Final = 16
_MOST_PARTS: Final = 1 << 14  # whose numbers fit into a pipe
_NUMBER: Final = struct.Struct("<H")
_SMALLEST_PART: Final = 1 << 16  # bytes of the manifest: some 400 files
_LARGEST_PART: Final = 1 << 20  # about: a part is read into memory


@dataclass(frozen=True, slots=True)
class _Part:
    """Of the manifest: from one offset to another, and the paths that it is about, from one to another."""

    start: int
    stop: int
    begin: bytes
    end: bytes | None


# A change, behind where its part begins in the manifest.
_Told = tuple[int, str, str, dict[str, tuple[str | None, str | None]]]


class Verification:
    """A look at the bundle at `path`. Raises RequestError where there is none that could be checked.

    `recorded` is its bundler.json. `unread` counts, once `changes` has ended, the files and directories that
    this user may not look into: of these only the attributes were compared.
    """

    def __init__(self, path: Path, *, opened_up: bool = False) -> None:
        """With `opened_up`, the bundle is this user's own: what its modes keep him from reading is read anyway."""
        self._path = path
        self._owners = bundle_owners() if opened_up else kept()
        self._privileged = os.geteuid() == 0
        self.unread = 0
        content = read_document(self._path, "bundler.json")
        self.recorded = Recorded(content, printable(str(path)))

    def changed_documents(self) -> Iterator[Change]:
        """Those that are not the ones of the build, and hooks. Raises RequestError."""
        return self.recorded.changes(self._digest, self._hooks())

    def _hooks(self) -> list[str]:
        """What lies in hooks/, by path; hooks itself if that is no directory."""
        folder = self._path / "hooks"
        if folder.is_symlink() or folder.is_file():
            return ["hooks"]
        return [f"hooks/{file.name}" for file in folder.iterdir()] if folder.is_dir() else []

    def _digest(self, path: str) -> str | None:
        """That of a file, as bundler.json has it; empty for what is no file, None for what is not there."""
        if path not in _REQUIRED and not os.path.lexists(self._path / path):
            return None
        try:
            with open_document(self._path, path) as stream:
                return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        except RequestError:
            if path in _REQUIRED:
                raise
            return ""

    def changes(self, *, processes: int | None = None) -> Iterator[Change]:
        """What differs, documents first, then by path. Raises RequestError, BundlerError.

        With `processes` 1, this one forks no other; None is one for each processor.
        """
        for change in self.changed_documents():
            yield change
            if change.path == "rootfs.mtree":  # what somebody has changed says nothing about the rootfs
                return
        try:
            processes = processes or len(os.sched_getaffinity(0))
            parts = self._cut_up(processes)
            with _Turns(parts) as turns, ExitStack() as others:
                apart = [
                    others.enter_context(read_apart(lambda sender: sender.send(self._compare(turns))))
                    for _ in parts[1:processes]
                ]
                done = [self._compare(turns), *(item for receiver in apart for item in receiver)]
            self.unread = sum(unread for unread, _ in done)
            for _, path, what, keywords in sorted((change for _, found in done for change in found), key=itemgetter(0)):
                yield Change(path, what, keywords)
        except MtreeError as error:
            raise RequestError(f"{printable(str(self._path / 'rootfs.mtree'))}: {error}") from None
        except OSError as error:
            raise explain(error, printable(str(self._path / "rootfs"))) from error

    def _cut_up(self, processes: int) -> list[_Part]:
        """The manifest in parts, several for each process."""
        with open_document(self._path, "rootfs.mtree") as manifest:
            if read_line(manifest) != HEADER:
                raise MtreeError("line 1: it does not begin with #mtree")
            size = os.fstat(manifest.fileno()).st_size
            wanted = max(processes * _PARTS_EACH, size // _LARGEST_PART)
            parts = max(1, min(wanted, size // _SMALLEST_PART, _MOST_PARTS))
            cuts = {len(HEADER): b""} | dict(_cut(manifest, size * part // parts) for part in range(1, parts))
        cuts.pop(size, None)
        paths = pairwise([*cuts.values(), None])
        return [_Part(*cut, path or b"", end) for cut, (path, end) in zip(pairwise([*cuts, size]), paths, strict=True)]

    def _compare(self, parts: Iterable[_Part]) -> tuple[int, list[_Told]]:
        """How many files could not be read in parts of the rootfs, and what differs there."""
        changes: list[_Told] = []
        with open_document(self._path, "rootfs.mtree") as manifest, Tree(self._path / "rootfs", self._owners) as tree:

            def first(found: Found, line: Listed) -> bytes | None:
                return _first(tree, found, line)

            comparison = Comparison(lambda found: hash_file(tree, found), first, privileged=self._privileged)
            for part in parts:
                manifest.seek(part.start)
                lines = io.BytesIO(manifest.read(part.stop - part.start))
                found = comparison.changes(group(lines), walk(tree, part.begin, part.end))
                changes += ((part.start, each.path, each.what, each.keywords) for each in found)
        return comparison.unread, changes


class _Turns:
    """Parts for several processes: each takes the next one when it is done with the one before.

    Their numbers wait in a pipe, from which a number is read by one process only.
    """

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts

    def __enter__(self) -> Self:
        self._numbers, write = os.pipe()
        os.write(write, b"".join(map(_NUMBER.pack, range(len(self._parts)))))
        os.close(write)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._numbers)

    def __iter__(self) -> Iterator[_Part]:
        while number := os.read(self._numbers, _NUMBER.size):
            yield self._parts[_NUMBER.unpack(number)[0]]


def _cut(manifest: IO[bytes], near: int) -> tuple[int, bytes]:
    """Where the first entry behind an offset begins, and its path."""
    manifest.seek(near)
    read_line(manifest)
    at, line = manifest.tell(), read_line(manifest)
    if line.startswith(b"#"):  # it belongs to the entry before
        at, line = at + len(line), read_line(manifest)
    return at, decode_name(line.partition(b" ")[0])[2:]


def _first(tree: Tree, found: Found, line: Listed) -> bytes | None:
    """The name that the manifest says is another one of the file, if that is so."""
    known = line.hard_link if found.file is not None else None
    if known is None:
        return None
    try:
        status = tree.status(tree.locate(known))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return known if status is not None and (status.st_dev, status.st_ino) == found.file else None
