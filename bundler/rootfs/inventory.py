"""What a root filesystem holds while it is being written, and in the end: the content of rootfs.mtree.

Layers replace, link and remove what lower layers brought, so what is known about a file has to be found again by its
path. In memory that would grow with the image; so it is a table on disk, which SQLite keeps in order, with a small
cache. The order is the one of mtree.py: paths are stored with NUL in the place of `/`, so that the bytes of a
directory and of all it holds lie together.
"""

import errno
import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bundler.archives.stream import Digest
from bundler.rootfs.acl import mode_with
from bundler.rootfs.attributes import Attributes, is_kept
from bundler.rootfs.mtree import HEADER, describe, describe_xattrs, encode_path, write_entry

_CACHE: Final = 4096  # KiB
# Rows that are inserted together, in order: what lies together on disk is then written together.
_BATCH: Final = 4000
# A kilobyte of archive can state holes of an exabyte, whose zeros nobody could hash. Files with holes that come after
# this many bytes of them have no digest.
_MOST_HOLES: Final = 8 << 30
# `file` is the same number for all names of one file, NULL where there is only one name.
_TABLE: Final = """
    CREATE TABLE entries (path BLOB PRIMARY KEY, keywords BLOB, remarks BLOB, file INTEGER) WITHOUT ROWID;
    CREATE INDEX names ON entries (file, path) WHERE file IS NOT NULL;
"""
_SETTINGS: Final = f"""
    PRAGMA page_size = 8192; PRAGMA cache_size = -{_CACHE}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
"""
_SORTED: Final = """
    SELECT path, keywords, remarks, count, first FROM entries
    LEFT JOIN files ON entries.file = files.file ORDER BY path
"""


class Inventory:
    """The table, in a file of the existing folder `workspace` that goes with the context.

    Paths are those of paths.py, without symlinks in them. Methods raise OSError (a full disk).
    """

    def __init__(self, workspace: Path, *, owned: bool = True) -> None:
        """`owned` says that the files have their owners on disk; without it no owner is written down."""
        self._path = workspace / "inventory"
        self._owned = owned
        self._waiting: list[tuple[bytes, bytes, bytes]] = []
        self._files = 0
        self._holes_left = _MOST_HOLES
        with _explained():
            self._table = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._table.executescript(_SETTINGS + _TABLE)
            self._table.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._table.close()
        self._path.unlink(missing_ok=True)

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
        self._waiting.append((path.replace(b"/", b"\0"), keywords, remarks))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def digest(self, size: int, sparse: tuple[tuple[int, int], ...] | None) -> Digest | None:
        """For the content of a file about to be written, its holes included; None where these would take too long."""
        if sparse is not None:
            self._holes_left -= size - sum(length for _, length in sparse)
            if self._holes_left < 0:
                return None
        return hashlib.sha256()

    def remove(self, path: bytes) -> None:
        """A file was removed, or a directory with all it held."""
        self._flush()
        key = path.replace(b"/", b"\0")
        with _explained():
            self._table.execute("DELETE FROM entries WHERE path = ?", (key,))
            self._table.execute("DELETE FROM entries WHERE path > ? AND path < ?", (key + b"\0", key + b"\1"))

    def link(self, path: bytes, target: bytes) -> None:
        """`path` became another name of the file that has the name `target`."""
        self._flush()
        name, known = path.replace(b"/", b"\0"), target.replace(b"/", b"\0")
        self._files += 1
        with _explained():
            self._table.execute("UPDATE entries SET file = ? WHERE path = ? AND file IS NULL", (self._files, known))
            self._table.execute(
                "REPLACE INTO entries SELECT ?, keywords, remarks, file FROM entries WHERE path = ?", (name, known)
            )

    def lines(self) -> Iterator[bytes]:
        """The manifest, entry by entry."""
        self._flush()
        yield HEADER
        with _explained():
            self._table.execute(
                "CREATE TABLE files AS SELECT file, count(*) AS count, min(path) AS first"
                " FROM entries WHERE file IS NOT NULL GROUP BY file"
            )
            self._table.execute("CREATE UNIQUE INDEX numbers ON files (file)")
            for key, keywords, remarks, count, first in self._table.execute(_SORTED):
                name = encode_path(key.replace(b"\0", b"/"))
                if keywords.startswith(b"type=dir"):
                    yield write_entry(name, keywords, remarks)
                    continue
                linked = b"hardlink=" + encode_path(first.replace(b"\0", b"/")) if count and first != key else b""
                nlink = b" nlink=%d" % (count or 1)
                yield write_entry(name, keywords + nlink, b" ".join(filter(None, (linked, remarks))))

    def _flush(self) -> None:
        if self._waiting:
            self._waiting.sort(key=_path)  # stable: of two rows for one path, the later one stays
            with _explained():
                self._table.executemany("REPLACE INTO entries VALUES (?, ?, ?, NULL)", self._waiting)
            self._waiting.clear()


_path: Final = itemgetter(0)


def write_manifest(inventory: Inventory, path: Path) -> str:
    """Write the manifest as the new file `path`, mode 0644, and return its sha256 in hexadecimal. Raises OSError."""
    return write_lines(inventory.lines(), path)


def write_lines(lines: Iterable[bytes], path: Path) -> str:
    """The same with any lines."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", 1 << 18) as stream:
        for line in lines:
            stream.write(line)
            digest.update(line)
        os.fchmod(descriptor, 0o644)
    return digest.hexdigest()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        number = errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EIO
        raise OSError(number, f"the list of what was unpacked cannot be kept: {error}") from error
