"""Bytes in the place of a delta's sections, read with a small base: what its fuzzer feeds, and begins with."""

# ruff: noqa: PLC0415 -- what is fed is imported where the fuzzer instruments what is imported

import io
import tempfile
from collections.abc import Iterator
from contextlib import suppress

from tests.support.tarballs import file, tarball

_ENOUGH = 1 << 22  # of output, for one input


def read(content: bytes) -> bytes:
    """What a delta makes of the base, as far as it gets; what stands before and behind the content is right."""
    from bundler.archives.stream import DamagedError
    from bundler.archives.tar import TarReader
    from bundler.deltas.base import Base, Copied
    from bundler.deltas.format import LENGTH, MAGIC, SHA256, Document
    from bundler.deltas.reading import DeltaFile, Rebuilt, StoredDelta

    document = Document("", "", "", "").encode()
    reader = TarReader(io.BytesIO(tarball(file("./a", b"a" * 5000), file("./b", b"b" * 7000))))
    with tempfile.TemporaryFile() as heads, tempfile.TemporaryFile() as files, tempfile.TemporaryFile() as stored:
        base = Base(Copied(files), heads)
        base.fill(((entry, [bytes(part) for part in reader.content()]) for entry in reader), ())
        stored.write(MAGIC + LENGTH.pack(len(document)) + document + content + bytes(SHA256))
        stored.flush()
        made, rebuilt = b"", Rebuilt(DeltaFile(StoredDelta([stored.fileno()]), "delta"), base)
        with suppress(DamagedError):
            while len(made) < _ENOUGH and (part := rebuilt.read(1 << 20)):
                made += part
    return made


def seeds() -> Iterator[bytes]:
    """Sections with an operation of each kind."""
    from bundler.deltas.frames import compress
    from bundler.deltas.operations import Add, Again, Copy, Fresh, Heads, Patch, Range, Small
    from tests.support.deltas import section

    frame = compress(b"x" * 5000, b"", 3)
    yield section([Heads(5), Copy(0), Range(1, 3, 9), Small(4)], heads=b"heads", small=b"tiny")
    yield section([Fresh(5000, len(frame)), Again(0, 0, 0, 5000, len(frame), 0)], frames=frame)
    yield section([Patch(1, 0, 5, 5000, len(frame))], frames=frame)
    yield section([Add(0, 3, 4), Add(1, 0, 2)], differences=b"\x01\xff\0\x02\x80\x80")
