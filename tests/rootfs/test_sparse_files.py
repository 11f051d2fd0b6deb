"""A file with holes is the same file as one without."""

import hashlib
import os
from pathlib import Path

import pytest

from bundler.archives.entry import REGULAR, Entry
from bundler.rootfs.sparse_files import find_pieces, read_pieces, sha256_of

MIB = 1 << 20
WHOLE = b"begin" + bytes(3 * MIB) + b"middle" * 200_000 + bytes(MIB + 7)
MIDDLE = (5 + 3 * MIB, 1_200_000)


def entry(size: int, sparse: tuple[tuple[int, int], ...] | None) -> Entry:
    return Entry(b"f", REGULAR, 0o644, 0, 0, size, 0, 0, 0, 0, b"", sparse=sparse)


@pytest.mark.parametrize("step", [1 << 20, 65536, 999])
def test_the_digest_has_the_holes_in_it(step: int) -> None:
    """Content comes in any pieces; one may hold the end of a stored part and the beginning of the next."""
    expected = hashlib.sha256(WHOLE).hexdigest()
    stored = WHOLE[:5] + WHOLE[MIDDLE[0] : sum(MIDDLE)]
    for sparse, content in ((((0, 5), MIDDLE), stored), (None, WHOLE)):
        pieces = (content[at : at + step] for at in range(0, len(content), step))
        assert sha256_of(entry(len(WHOLE), sparse), pieces) == expected
    assert sha256_of(entry(3 * MIB, ()), iter(())) == hashlib.sha256(bytes(3 * MIB)).hexdigest()


def test_what_is_found_on_a_disk_is_all_that_is_no_hole(tmp_path: Path) -> None:
    with (tmp_path / "f").open("w+b") as file:
        file.write(WHOLE[:5])
        file.seek(MIDDLE[0])
        file.write(WHOLE[MIDDLE[0] : sum(MIDDLE)])
        file.truncate(len(WHOLE))
        pieces = list(find_pieces(file.fileno(), len(WHOLE)))
        read = b"".join(read_pieces(file.fileno(), pieces))
        assert sha256_of(entry(len(WHOLE), tuple(pieces)), iter([read])) == hashlib.sha256(WHOLE).hexdigest()
        assert sum(length for _, length in pieces) < 2 * MIB


def test_a_file_that_is_cut_meanwhile_ends_where_it_ends(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    descriptor = os.open(tmp_path / "f", os.O_RDWR)
    try:
        os.truncate(descriptor, 10)
        assert list(find_pieces(descriptor, 100)) == [(0, 10)]
        assert b"".join(read_pieces(descriptor, [(0, 100)])) == b"x" * 10
    finally:
        os.close(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        list(find_pieces(descriptor, 100))
