"""The content of an erofs directory: in each block some entries, and behind them their names."""

from collections.abc import Iterator, Sequence

from bundler.archives.filesystems.erofs_format import DIRENT
from bundler.archives.filesystems.verity import BLOCK

DirectoryEntry = tuple[bytes, int, int]
"""A name, the number of the inode, and what that is (DIRENT_TYPES)."""


def with_dots(names: Sequence[bytes]) -> list[bytes]:
    """All names that the directory has, in the order in which the kernel looks for one."""
    return sorted((b".", b"..", *names))


def _blocks(names: Sequence[bytes]) -> Iterator[tuple[int, int, int]]:
    """For each block the first of its names, the one after its last, and how many bytes they take."""
    first = used = 0
    for number, name in enumerate(names):
        needed = DIRENT.size + len(name)
        if used + needed > BLOCK:
            yield first, number, used
            first, used = number, 0
        used += needed
    yield first, len(names), used


def directory_size(names: Sequence[bytes]) -> int:
    """How many bytes the directory with these sorted names takes."""
    size = 0
    for _, last, used in _blocks(names):
        size += used if last == len(names) else BLOCK
    return size


def directory_blocks(entries: Sequence[DirectoryEntry]) -> Iterator[bytes]:
    """The content, block by block, of which the last is not filled up. Entries are sorted by name."""
    for first, last, _ in _blocks([name for name, _, _ in entries]):
        at = DIRENT.size * (last - first)
        heads = bytearray()
        for name, number, kind in entries[first:last]:
            heads += DIRENT.pack(number, at, kind, 0)
            at += len(name)
        content = bytes(heads) + b"".join(name for name, _, _ in entries[first:last])
        yield content if last == len(entries) else content.ljust(BLOCK, b"\0")
