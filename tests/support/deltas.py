"""Deltas that are as they say, whatever they ask for."""

import hashlib
from collections.abc import Sequence

from bundler.deltas.format import LENGTH, MAGIC, End, Section
from bundler.deltas.frames import compress
from bundler.deltas.operations import Operation, OperationWriter


def section(
    operations: Sequence[Operation] | bytes,
    *,
    heads: bytes = b"",
    small: bytes = b"",
    differences: bytes = b"",
    frames: bytes = b"",
) -> bytes:
    """A section that is as it says, whatever its operations ask for."""
    if not isinstance(operations, bytes):
        writer = OperationWriter()
        for operation in operations:
            writer.add(operation)
        operations = bytes(writer.content)
    stored = [compress(part, b"", 3) for part in (heads, operations, small, differences)]
    sizes = Section(
        *(len(heads), len(stored[0]), 0, 0, len(operations), len(stored[1]), len(small), len(stored[2])),
        *(len(differences), len(stored[3]), len(frames)),
    )
    return sizes.encode() + b"".join(stored) + frames


def written(document: bytes, *sections: bytes, result: bytes = b"") -> bytes:
    """A delta whose digests are right."""
    end = End(len(result), hashlib.sha256(result).digest())
    content = MAGIC + LENGTH.pack(len(document)) + document + b"".join(sections) + Section().encode() + end.encode()
    return content + hashlib.sha256(content).digest()
