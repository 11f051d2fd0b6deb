"""What a root filesystem holds while it is being written, and in the end: the content of rootfs.mtree.

Layers replace, link and remove what lower layers brought, so what is known about a file has to be found again by its
path. In memory that would grow with the image; so beyond some 100,000 files it goes to a table on disk, which SQLite
keeps in order, with a small cache. Most images never get there, and spare themselves a tenth of the time of unpacking.
The order is the one of mtree.py: paths are kept with NUL in the place of `/`, so that the bytes of a directory and of
all it holds lie together.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from bundler.archives.entry import FileRow
from bundler.archives.stream import RunningHash
from bundler.rootfs.acl import mode_with
from bundler.rootfs.attributes import Attributes, is_kept
from bundler.rootfs.mtree import HEADER, describe, describe_file, describe_xattrs, encode_path, write_entry

if TYPE_CHECKING:
    from bundler.rootfs.inventory_table import CountedRow, Table

# What is kept in memory, at the most: bytes, of which each row takes some beside those of its text.
_LARGEST: Final = 36 << 20
_ROW: Final = 150
# A kilobyte of archive can state holes of an exabyte, whose zeros no machine could hash. Files with holes that come
# after this many bytes of them have no digest.
MOST_HOLES: Final = 8 << 30
_DIRECTORY: Final = b"type=dir"
_LINES: Final = 1024


_Row = tuple[bytes, bytes, int | None]


class Inventory:
    """Rows by path, and a file for them in the existing folder `workspace` that goes with the context.

    Paths are those of paths.py, without symlinks in them. Methods raise OSError (a full disk).
    """

    def __init__(self, workspace: Path, *, owned: bool = True, largest: int = _LARGEST) -> None:
        """`owned` says that the files have their owners on disk; without it no owner is written down.

        `largest` is how many bytes are kept in memory, about.
        """
        self._path = workspace / "inventory"
        self._owned = owned
        self._largest = largest
        # Keywords, remarks and number as in the table: what is newer than it, and so all it knows of these paths. Of
        # nearly all files there are keywords alone.
        self._rows: dict[bytes, bytes | _Row] = {}
        self._weight = 0
        self._table: Table | None = None
        self._files = 0
        self._holes_left = MOST_HOLES

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._table is not None:
            self._table.close()

    def add(
        self,
        path: bytes,
        kind: int,
        attributes: Attributes,
        *,
        size: int = 0,
        digest: str | None = None,
        target: bytes = b"",
        device: tuple[int, int] = (0, 0),
    ) -> None:
        """A file was made, or a directory was given other attributes. The arguments are those of mtree.describe."""
        mode = attributes.mode
        if mode is not None and attributes.xattrs:
            attributes = replace(attributes, mode=mode_with(mode, attributes.xattrs))
        keywords = describe(kind, attributes, size=size, digest=digest, target=target, device=device, owned=self._owned)
        remarks = b""
        if attributes.xattrs:
            on_disk = {name: value for name, value in attributes.xattrs.items() if is_kept(name, kind, value)}
            remarks = describe_xattrs(on_disk)
        self._keep(path, keywords, remarks)

    def add_file(self, path: bytes, owner: tuple[int, int], row: FileRow) -> None:
        """What `add` does, in half the time, for a regular file without extended attributes, as most are."""
        _, mode, _, _, size, mtime, _, sha256 = row
        stated = b" uid=%d gid=%d" % owner if self._owned else b""
        self._keep(path, describe_file(mode, stated, size, mtime, sha256), b"")

    def _keep(self, path: bytes, keywords: bytes, remarks: bytes, file: int | None = None) -> None:
        is_usual = not remarks and file is None
        self._rows[path.replace(b"/", b"\0")] = keywords if is_usual else (keywords, remarks, file)
        self._weight += len(path) + len(keywords) + len(remarks) + _ROW
        if self._weight > self._largest:
            self._store()

    def digest(self, size: int, sparse: tuple[tuple[int, int], ...] | None) -> RunningHash | None:
        """For the content of a file about to be written, its holes included; None where these would take too long."""
        if sparse is not None:
            self._holes_left -= size - sum(length for _, length in sparse)
            if self._holes_left < 0:
                return None
        return hashlib.sha256()

    def remove(self, path: bytes) -> None:
        """A file was removed, or a directory with all it held."""
        key = path.replace(b"/", b"\0")
        known = self._rows.get(key)
        if known is not None and not _whole(known)[0].startswith(_DIRECTORY):
            del self._rows[key]
            return
        # What a directory holds is found by its order, which only the table has.
        self._store().remove(key)

    def link(self, path: bytes, target: bytes) -> None:
        """`path` became another name of the file that has the name `target`."""
        known = target.replace(b"/", b"\0")
        self._files += 1
        row = self._rows.get(known)
        if row is None:
            self._store().link(path.replace(b"/", b"\0"), known, self._files)
            return
        keywords, remarks, file = _whole(row)
        file = file or self._files
        self._rows[known] = (keywords, remarks, file)
        self._keep(path, keywords, remarks, file)

    def lines(self) -> Iterator[bytes]:
        """The manifest, entry by entry."""
        yield HEADER
        for key, keywords, remarks, count, first in self._counted():
            name = encode_path(key.replace(b"\0", b"/"))
            if keywords.startswith(_DIRECTORY):
                yield write_entry(name, keywords, remarks)
                continue
            counted = keywords + b" nlink=%d" % count
            linked = b"hardlink=" + encode_path(first.replace(b"\0", b"/")) if first != key else b""
            yield write_entry(name, counted, b" ".join(filter(None, (linked, remarks))) if linked else remarks)

    def _counted(self) -> "Iterator[CountedRow]":
        if self._table is not None:
            yield from self._store().rows()
            return
        names: dict[int, tuple[int, bytes]] = {}
        keys = sorted(self._rows)
        for key in keys:
            row = self._rows[key]
            if isinstance(row, tuple) and row[2] is not None:
                count, first = names.get(row[2], (0, key))
                names[row[2]] = (count + 1, first)
        for key in keys:
            keywords, remarks, file = _whole(self._rows[key])
            yield key, keywords, remarks, *(names[file] if file is not None else (1, key))

    def _store(self) -> "Table":
        """The table, with all that was in memory: in order, so that what lies together is written together."""
        from bundler.rootfs.inventory_table import Table  # noqa: PLC0415 -- takes a while, and only needed here

        if self._table is None:
            self._table = Table(self._path)
        self._table.store((key, *_whole(self._rows[key])) for key in sorted(self._rows))
        self._rows.clear()
        self._weight = 0
        return self._table


def _whole(row: bytes | _Row) -> _Row:
    return (row, b"", None) if isinstance(row, bytes) else row


def write_manifest(inventory: Inventory, path: Path) -> str:
    """Write the manifest as the new file `path`, mode 0644, and return its sha256 in hexadecimal. Raises OSError."""
    return write_lines(inventory.lines(), path)


def write_lines(lines: Iterable[bytes], path: Path) -> str:
    """Write `lines` as the new file `path`, mode 0644, and return its sha256 in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        rest = iter(lines)
        while text := b"".join(islice(rest, _LINES)):  # a thousand at a time: twice as fast as one by one
            stream.write(text)
            digest.update(text)
        os.fchmod(descriptor, 0o644)
    return digest.hexdigest()
