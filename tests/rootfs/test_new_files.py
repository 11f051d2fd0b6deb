"""What the unpacker takes for granted of new files, and what it does when a name is taken."""

import os
from pathlib import Path

import pytest

from tests.support.layers import layer, unpacked
from tests.support.tarballs import (
    Member,
    character_device,
    directory,
    fifo,
    file,
    hard_link,
    symlink,
)
from tests.support.tree import tree

pytestmark = pytest.mark.root


@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o777])
@pytest.mark.parametrize("mode", [0, 0o400, 0o644, 0o666, 0o777, 0o1644, 0o2755, 0o4755, 0o7777])
def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        root = unpacked(tmp_path / "root", layer(file("f", b"x", mode)))
    finally:
        os.umask(before)
    assert tree(root)["f"].mode == f"{mode:04o}"


@pytest.mark.parametrize(
    "above", [directory("d", 0o2755, owner=(0, 7)), directory("d", 0o2755), directory("d", owner=(0, 7))]
)
def test_a_file_has_its_own_group_in_a_directory_of_another(tmp_path: Path, above: Member) -> None:
    again = directory("d", 0o700)
    root = unpacked(tmp_path / "root", layer(above, file("d/f"), again, file("d/g")), layer(file("d/h", owner=(3, 4))))
    assert [tree(root)[f"d/{name}"].owner for name in "fgh"] == [(0, 0), (0, 0), (3, 4)]


def test_names_in_one_directory_are_told_from_the_directory_itself(tmp_path: Path) -> None:
    members = [
        directory("./a/b/"),
        file("./a/b/c"),
        directory("./a/b/."),
        file("./a/b/d"),
        file("./a/b/../e"),
        file("f"),
    ]
    assert sorted(tree(unpacked(tmp_path / "root", layer(*members)))) == [".", "a", "a/b", "a/b/c", "a/b/d", "a/e", "f"]


ONE_OF_EACH = [
    file("n", b"new"),
    directory("n", 0o700),
    symlink("n", "target"),
    fifo("n"),
    character_device("n", 1, 3),
    hard_link("n", "other"),
]


@pytest.mark.parametrize("new", ONE_OF_EACH, ids=lambda member: f"new {member.kind.decode()}")
@pytest.mark.parametrize("old", ONE_OF_EACH, ids=lambda member: f"old {member.kind.decode()}")
def test_anything_takes_the_place_of_anything_in_its_own_layer_and_in_a_higher_one(
    tmp_path: Path, old: Member, new: Member
) -> None:
    alone = tree(unpacked(tmp_path / "alone", layer(file("other", b"1"), new)))["n"]
    for name, layers in (
        ("one layer", [layer(file("other", b"1"), old, new)]),
        ("two layers", [layer(file("other", b"1"), old), layer(new)]),
    ):
        assert tree(unpacked(tmp_path / name, *layers))["n"] == alone
