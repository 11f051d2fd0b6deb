"""The rows of an inventory on disk, in order, in a table of SQLite's with a small cache."""

import errno
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_CACHE: Final = 4096  # KiB
# `file` is the same number for all names of one file, NULL where there is only one name.
_TABLE: Final = """
    CREATE TABLE entries (path BLOB PRIMARY KEY, keywords BLOB, remarks BLOB, file INTEGER) WITHOUT ROWID;
    CREATE INDEX names ON entries (file, path) WHERE file IS NOT NULL;
"""
_SETTINGS: Final = f"""
    PRAGMA page_size = 8192; PRAGMA cache_size = -{_CACHE}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
"""
_COUNT: Final = """
    CREATE TABLE files AS SELECT file, count(*) AS count, min(path) AS first
        FROM entries WHERE file IS NOT NULL GROUP BY file;
    CREATE UNIQUE INDEX numbers ON files (file);
"""
_SORTED: Final = """
    SELECT path, keywords, remarks, coalesce(count, 1), coalesce(first, path) FROM entries
    LEFT JOIN files ON entries.file = files.file ORDER BY path
"""

Row = tuple[bytes, bytes, bytes, int | None]
"""Path, keywords, remarks, and the same number for all names of one file, None where there is only one name."""
CountedRow = tuple[bytes, bytes, bytes, int, bytes]
"""Path, keywords, remarks, how many names the file has, and the first of them."""


class Table:
    """A new one in the file `path`, which goes with it. Methods raise OSError (a full disk)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _explained():
            self._table = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._table.executescript(_SETTINGS + _TABLE)
            self._table.execute("BEGIN")

    def close(self) -> None:
        self._table.close()
        self._path.unlink(missing_ok=True)

    def store(self, rows: Iterable[Row]) -> None:
        """Add rows, in their order, or put them in the place of older ones."""
        with _explained():
            self._table.executemany("REPLACE INTO entries VALUES (?, ?, ?, ?)", rows)

    def remove(self, path: bytes) -> None:
        """Remove a row and all below it."""
        with _explained():
            self._table.execute("DELETE FROM entries WHERE path = ?", (path,))
            self._table.execute("DELETE FROM entries WHERE path > ? AND path < ?", (path + b"\0", path + b"\1"))

    def link(self, path: bytes, known: bytes, number: int) -> None:
        """Add `path` as another name of `known`; `number` is for a file that had one name until now."""
        with _explained():
            self._table.execute("UPDATE entries SET file = ? WHERE path = ? AND file IS NULL", (number, known))
            self._table.execute(
                "REPLACE INTO entries SELECT ?, keywords, remarks, file FROM entries WHERE path = ?", (path, known)
            )

    def rows(self) -> Iterator[CountedRow]:
        """All of them, by path; no more are added then."""
        with _explained():
            self._table.executescript(_COUNT)
            yield from self._table.execute(_SORTED)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        number = errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EIO
        raise OSError(number, f"the list of what was unpacked cannot be kept: {error}") from error
