"""Sparse files in GNU's four formats."""

import pytest

from bundler.archives.stream import DamagedError
from tests.support.tar_reading import contents, read
from tests.support.tarballs import (
    END,
    file,
    header,
    octal,
    padded,
    pax_header,
    with_checksum,
)

EXPECTED = bytes(1000) + b"one" + bytes(997) + b"two" + bytes(500)


def old_sparse(pairs: list[tuple[int, int]], size: int, stored: bytes) -> bytes:
    """GNU's old format: four pairs in the header, 21 in each block that follows."""
    fields = [octal(start, 12) + octal(length, 12) for start, length in pairs]
    block = bytearray(header("s", b"S", size=len(stored), magic=b"ustar  \0"))
    block[386:482] = b"".join(fields[:4]).ljust(96, b"\0")
    block[482] = len(fields) > 4
    block[483:495] = octal(size, 12)
    blocks = b""
    for at in range(4, len(fields), 21):
        blocks += b"".join(fields[at : at + 21]).ljust(504, b"\0") + bytes([at + 21 < len(fields)]) + bytes(7)
    return with_checksum(bytes(block)) + blocks + padded(stored)


def numbered_sparse(lines: bytes, size: int, stored: bytes) -> bytes:
    """GNU's PAX format 1.0: the map is decimal lines before the content."""
    records = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(size),
        "GNU.sparse.name": "s",
    }
    content = padded(lines) + stored
    return pax_header(records) + header("GNUSparseFile.0/s", size=len(content)) + padded(content)


PAIRS = [(1000, 3), (2000, 3), (2503, 0)]
SPARSE = {
    "old": old_sparse(PAIRS, 2503, b"onetwo"),
    "0.0": pax_header(
        [("GNU.sparse.size", "2503"), ("GNU.sparse.numblocks", "3")]
        + [
            record
            for start, length in PAIRS
            for record in (("GNU.sparse.offset", str(start)), ("GNU.sparse.numbytes", str(length)))
        ]
    )
    + bytes(file("s", b"onetwo")),
    "0.1": pax_header(
        {
            "GNU.sparse.size": "2503",
            "GNU.sparse.numblocks": "3",
            "GNU.sparse.map": "1000,3,2000,3,2503,0",
            "GNU.sparse.name": "s",
        }
    )
    + bytes(file("GNUSparseFile.0/s", b"onetwo")),
    "1.0": numbered_sparse(b"3\n1000\n3\n2000\n3\n2503\n0\n", 2503, b"onetwo"),
}


@pytest.mark.parametrize("dialect", SPARSE)
def test_sparse_files_of_each_format_mean_the_same(dialect: str) -> None:
    archive = SPARSE[dialect] + bytes(file("after", b"next")) + END
    (entry, stored), (after, following) = read(archive)
    assert (entry.name, entry.size, entry.stored_size) == (b"s", 2503, 6)
    assert entry.sparse == ((1000, 3), (2000, 3))
    assert contents(entry, stored) == EXPECTED
    assert archive[entry.offset : entry.offset + 6] == b"onetwo"
    assert (after.name, following) == (b"after", b"next")


def test_an_old_map_may_go_on_for_many_blocks() -> None:
    pairs = [(number * 10, 1) for number in range(100)]
    ((entry, stored),) = read(old_sparse(pairs, 1000, b"x" * 100) + END)
    assert contents(entry, stored) == b"x\0\0\0\0\0\0\0\0\0" * 100


def test_a_map_without_pieces_is_all_hole() -> None:
    ((entry, _),) = read(numbered_sparse(b"0\n", 5000, b"") + END)
    assert (entry.size, entry.sparse) == (5000, ())


@pytest.mark.parametrize(
    "archive",
    [
        numbered_sparse(b"2\n0\n3\n2\n3\n", 100, b"onetwo"),
        numbered_sparse(b"2\n50\n3\n0\n3\n", 100, b"onetwo"),
        numbered_sparse(b"1\n98\n6\n", 100, b"onetwo"),
        numbered_sparse(b"1\n0\n5\n", 100, b"onetwo"),
        numbered_sparse(b"1\n0\n7\n", 100, b"onetwo"),
        numbered_sparse(b"9999999\n0\n", 100, b""),
        numbered_sparse(b"x\n0\n", 100, b""),
        numbered_sparse(b"9" * 600, 100, b""),
        numbered_sparse(b"1\n-5\n6\n", 100, b"onetwo"),
        numbered_sparse(b"1" * 19 + b"\n" + b"\n" * 2_000_000, 100, b""),
        old_sparse([(0, 3), (2, 3)], 100, b"onetwo"),
        old_sparse([(-5, 6)], 100, b"onetwo"),
        old_sparse([(0, -6)], 100, b"onetwo"),
        old_sparse([(0, 1)] * 60_000, 100, b"onetwo"),
        pax_header({"GNU.sparse.map": "0,6,", "GNU.sparse.numblocks": "1", "GNU.sparse.size": "9"})
        + bytes(file("s", b"onetwo")),
        pax_header({"GNU.sparse.map": "0,6", "GNU.sparse.numblocks": "1"}) + bytes(file("s", b"onetwo")),
        pax_header({"GNU.sparse.map": "0", "GNU.sparse.numblocks": "1", "GNU.sparse.size": "9"})
        + bytes(file("s", b"onetwo")),
        pax_header({"GNU.sparse.major": "2", "GNU.sparse.minor": "0"}) + bytes(file("s", b"onetwo")),
        pax_header([("GNU.sparse.numbytes", "1"), ("GNU.sparse.offset", "1")]) + bytes(file("s", b"onetwo")),
    ],
    ids=[
        "overlap",
        "order",
        "outside",
        "too little",
        "too much",
        "more than there is",
        "not a number",
        "no line end",
        "negative",
        "huge",
        "old overlap",
        "old negative start",
        "old negative length",
        "old huge",
        "odd map",
        "no size",
        "half a pair",
        "unknown version",
        "pairs out of order",
    ],
)
def test_maps_that_do_not_hold_are_refused(archive: bytes) -> None:
    with pytest.raises(DamagedError):
        read(archive + END)
