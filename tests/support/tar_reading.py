"""Read an archive that is in memory, as the unpacker reads one that is not."""

import io

from bundler.archives.entry import Entry
from bundler.archives.tar import TarReader


def read(archive: bytes) -> list[tuple[Entry, bytes]]:
    reader = TarReader(io.BytesIO(archive))
    return [(entry, b"".join(reader.content())) for entry in reader]


def only(archive: bytes) -> Entry:
    (found,) = read(archive)
    return found[0]


def names(archive: bytes) -> list[bytes]:
    return [entry.name for entry in TarReader(io.BytesIO(archive))]


def contents(entry: Entry, stored: bytes) -> bytes:
    """The file that a sparse entry stands for."""
    assert entry.sparse is not None
    whole = bytearray(entry.size)
    source = io.BytesIO(stored)
    for start, length in entry.sparse:
        whole[start : start + length] = source.read(length)
    return bytes(whole)
