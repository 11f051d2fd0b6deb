"""The base: the older bundle, from which a delta copies. Its files have numbers.

The heads of the archive that `pack` would write of it (all but the content of files) are the dictionary for the heads
of the result. Files with content are numbered in the archive's order. Folders that containers write to are skipped: a
bundle in use has other volumes than a new one.

To make a delta, the base is read once, and so verified. To apply one, a directory is only outlined at first; the
content of a file is read when it is copied.
"""

import hashlib
import os
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import Final, Protocol, Self

from bundler.archives.entry import HARD_LINK, Entry, StoredEntry
from bundler.archives.stream import Content, DamagedError
from bundler.archives.tar_writer import encode_entry
from bundler.bundles.files import BundleFiles
from bundler.deltas.sources import Source
from bundler.packing.file_entries import metered
from bundler.progress import Meter
from bundler.rootfs.paths import clean
from bundler.rootfs.tree import Tree

_PIECE: Final = 1 << 20
_DEEPEST: Final = 3  # SERVICE/volumes/NAME
Note = Callable[[int, bytes, int, int, Iterable[Content]], None]
"""Called for each file with its number, its path, where its head begins, its stored size and its content, which it
must read to the end."""


class _Store(Protocol):
    """Where the stored content of files is, by their numbers."""

    def add(self, path: bytes, entry: Entry, content: Iterable[Content]) -> Iterator[Content]: ...
    def read(self, number: int, at: int, size: int) -> bytes: ...
    def unproven(self, number: int) -> bytes | None: ...


def take(_number: int, _path: bytes, _at: int, _size: int, content: Iterable[Content]) -> None:
    """The `Note` that only reads the content to its end."""
    for _ in content:
        pass


class Base:
    """The base's heads and files, by number, for as long as the context of `open_base`. Methods raise OSError."""

    def __init__(self, store: _Store, heads: BufferedRandom) -> None:
        self._store = store
        self._heads = heads
        self._sizes = array("Q")
        self._copied = bytearray()  # for each file, whether all of it was copied
        self.digest = ""
        self.heads_size = 0

    def fill(self, entries: Iterable[StoredEntry], written_to: Sequence[str], note: Note = take) -> None:
        """Read all `entries`, and keep those that are not in the folders `written_to`."""
        folders = frozenset(map(os.fsencode, written_to))
        tops = {folder.partition(b"/")[0] for folder in folders}
        digest, at = hashlib.sha256(), 0
        for entry, content in entries:
            path = clean(entry.name)
            if path.partition(b"/")[0] in tops and _is_in(path, folders):
                for _ in content:
                    pass
                continue
            head = encode_entry(entry)
            self._heads.write(head)
            digest.update(head)
            if entry.stored_size and entry.kind != HARD_LINK:
                number = len(self._sizes)
                self._sizes.append(entry.stored_size)
                self._copied.append(False)
                note(number, path, at, entry.stored_size, self._store.add(path, entry, content))
            at += len(head)
        self._heads.flush()
        self.heads_size = at
        self.digest = f"sha256:{digest.hexdigest()}"

    def heads(self, at: int, size: int) -> bytes:
        """A part of the heads. Raises DamagedError."""
        if at + size > self.heads_size:
            raise DamagedError("it asks for more than the base has")
        return _exactly(os.pread(self._heads.fileno(), size, at), size)

    def size(self, number: int) -> int:
        """The stored size of a file. Raises DamagedError."""
        if not 0 <= number < len(self._sizes):
            raise DamagedError("it asks for a file that the base has not got")
        return self._sizes[number]

    def read(self, number: int, at: int, size: int) -> bytes:
        """A part of what is stored of a file. Raises DamagedError."""
        if at + size > self.size(number):
            raise DamagedError("it asks for more than a file of the base has")
        return _exactly(self._store.read(number, at, size), size)

    def copy(self, number: int) -> Iterator[bytes]:
        """All that is stored of a file. Raises DamagedError."""
        size, at = self.size(number), 0
        while at < size:
            part = self.read(number, at, min(size - at, _PIECE))
            yield part
            at += len(part)
        self._copied[number] = True

    def unproven(self) -> Iterator[bytes]:
        """The paths of the files that were not verified when the base was read, and not copied as a whole since."""
        for number, copied in enumerate(self._copied):
            if not copied and (path := self._store.unproven(number)) is not None:
                yield path


def _is_in(path: bytes, folders: AbstractSet[bytes]) -> bool:
    """Whether the path is one of the folders or lies in one. A hostile record may name very many: no loop over them."""
    parts = path.split(b"/", _DEEPEST)
    return any(b"/".join(parts[:depth]) in folders for depth in range(1, _DEEPEST + 1))


def _exactly(content: bytes, size: int) -> bytes:
    if len(content) != size:
        raise DamagedError("it asks for more than the base has")
    return content


@contextmanager
def open_base(
    source: Source, workspace: Path, meter: Meter, note: Note = take, *, outlined: bool = False
) -> Iterator[Base]:
    """Read `source` as a base. Temporary files are in `workspace`; `meter` counts the bytes that were read.

    An `outlined` base is for the caller to verify: its digest at once, in the end the files that are `unproven`. Raises
    what reading the source raises.
    """
    with ExitStack() as held:
        heads = held.enter_context(tempfile.TemporaryFile(dir=workspace))
        store: _Store
        if source.folder is not None:
            tree = held.enter_context(BundleFiles(source.folder, owned=True).open())
            store = held.enter_context(_InFolder(tree, held.enter_context(tempfile.TemporaryFile(dir=workspace))))
        else:
            store = Copied(held.enter_context(tempfile.TemporaryFile(dir=workspace)))
        base = Base(store, heads)
        entries = source.outline() if outlined else metered(source.entries(), meter)
        base.fill(entries, source.written_to, note)
        yield base


class _InFolder:
    """Files of a bundle's directory, read in place. The file that was read last stays open; paths are in `paths`."""

    def __init__(self, tree: Tree, paths: BufferedRandom) -> None:
        self._tree = tree
        self._paths = paths
        self._size = 0
        self._ends = array("Q")
        self._pieces: dict[int, tuple[tuple[int, int], ...]] = {}
        self._open: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def add(self, path: bytes, entry: Entry, content: Iterable[Content]) -> Iterator[Content]:
        if entry.sparse is not None:
            self._pieces[len(self._ends)] = entry.sparse
        self._paths.write(path)
        self._size += len(path)
        self._ends.append(self._size)
        return iter(content)

    def read(self, number: int, at: int, size: int) -> bytes:
        descriptor = self._descriptor(number)
        pieces = self._pieces.get(number)
        if pieces is None:
            return os.pread(descriptor, size, at)
        parts, before = [], 0
        for start, length in pieces:
            first, last = max(at, before), min(at + size, before + length)
            if first < last:
                parts.append(os.pread(descriptor, last - first, start + first - before))
            before += length
        return b"".join(parts)

    def unproven(self, number: int) -> bytes:
        """The path of a file."""
        start = self._ends[number - 1] if number else 0
        self._paths.flush()
        return os.pread(self._paths.fileno(), self._ends[number] - start, start)

    def _descriptor(self, number: int) -> int:
        if self._open is None or self._open[0] != number:
            self._close()
            self._open = number, self._tree.open_file(self.unproven(number))
        return self._open[1]

    def _close(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None


class Copied:
    """Files of an archive, copied to a temporary file: an archive can only be read from its beginning."""

    def __init__(self, file: BufferedRandom) -> None:
        self._file = file
        self._starts = array("Q")
        self._flushed = False

    def add(self, _path: bytes, _entry: Entry, content: Iterable[Content]) -> Iterator[Content]:
        self._starts.append(self._file.tell())

        def copied() -> Iterator[Content]:
            for part in content:
                self._file.write(part)
                yield part

        return copied()

    def read(self, number: int, at: int, size: int) -> bytes:
        if not self._flushed:
            self._file.flush()
            self._flushed = True
        return os.pread(self._file.fileno(), size, self._starts[number] + at)

    def unproven(self, _number: int) -> None:
        """An archive is verified before any of it is copied."""
