"""Holes are found in what a file says, whatever the disk keeps of it."""

import os
from pathlib import Path

import pytest

from bundler.archives import holes
from bundler.archives.holes import find_content

PIECE = 1 << 16
MIB = 1 << 20

FILES = {
    "a small file": (bytes(MIB - 1), None),
    "a file without zeros": (b"x" * MIB, None),
    "nothing but zeros": (bytes(MIB), ()),
    "zeros that end within a piece": (bytes(MIB + 5), ()),
    "content at the end": (bytes(MIB) + b"x", ((MIB, 1),)),
    "content at the beginning": (b"x" + bytes(MIB), ((0, PIECE),)),
    "content between": (bytes(MIB) + b"x" * PIECE + bytes(MIB), ((MIB, PIECE),)),
    "two pieces": (b"x" + bytes(MIB - 1) + b"x" * (PIECE + 1), ((0, PIECE), (MIB, PIECE + 1))),
    "zeros that fill no piece": (b"x" + bytes(2 * PIECE - 2) + b"x" * MIB, None),
}


def found(path: Path) -> object:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return find_content(descriptor, path.stat().st_size)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", FILES)
def test_the_same_is_found_whether_the_zeros_are_on_disk_or_not(tmp_path: Path, name: str) -> None:
    content, pieces = FILES[name]
    (tmp_path / "written").write_bytes(content)
    with (tmp_path / "sparse").open("wb") as file:
        for at in range(0, len(content), 4096):
            if (part := content[at : at + 4096]).strip(b"\0"):
                file.seek(at)
                file.write(part)
        file.truncate(len(content))
    assert (found(tmp_path / "written"), found(tmp_path / "sparse")) == (pieces, pieces)


def test_a_file_of_terabytes_takes_no_time(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.seek(1 << 42)
        file.write(b"x")
    assert found(tmp_path / "f") == ((1 << 42, 1),)


def test_what_lies_behind_very_many_pieces_is_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "_MOST_PIECES", 2)
    (tmp_path / "f").write_bytes((b"x" + bytes(2 * PIECE - 1)) * 16)
    assert found(tmp_path / "f") == ((0, PIECE), (2 * PIECE, PIECE), (4 * PIECE, 28 * PIECE))
