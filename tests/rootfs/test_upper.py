"""What an overlay's own attributes say of its upper folder, and which are the container's."""

import os
from pathlib import Path

import pytest

from bundler.rootfs.upper import Upper

pytestmark = pytest.mark.root
MINE, OTHER = "trusted.overlay.", "user.overlay."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "upper/rootfs/d").mkdir(parents=True)
    return tmp_path / "upper/rootfs"


@pytest.mark.parametrize(("owner", "own", "other"), [(0, MINE, OTHER), (1000, OTHER, MINE)])
def test_the_attributes_of_who_has_mounted_count(folder: Path, owner: int, own: str, other: str) -> None:
    os.chown(folder.parent, owner, owner)
    for name in (f"{own}opaque", f"{own}origin", f"{own}overlay.redirect", f"{other}redirect", "user.x"):
        os.setxattr(folder / "d", name, b"y")
    with Upper(folder) as upper:
        assert upper.is_opaque(b"d")
        assert upper.elsewhere(b"d") is None
        assert dict(upper.attributes(b"d").xattrs) == {
            f"{own}redirect".encode(): b"y",
            f"{other}redirect".encode(): b"y",
            b"user.x": b"y",
        }


@pytest.mark.parametrize(
    ("name", "value"), [("redirect", b"/x"), ("metacopy", b""), ("whiteout", b"y"), ("opaque", b"x")]
)
def test_what_takes_more_than_the_folder_is_told(folder: Path, name: str, value: bytes) -> None:
    os.setxattr(folder / "d", MINE + name, value)
    with Upper(folder) as upper:
        assert not upper.is_opaque(b"d")
        assert upper.elsewhere(b"d") == MINE + name


def test_the_root_has_what_the_images_root_has(folder: Path) -> None:
    os.setxattr(folder, "user.a", b"new")
    with Upper(folder, of_root={b"user.a": b"old", b"user.b": b"b"}) as upper:
        assert upper.attributes(b"").xattrs == {b"user.a": b"new", b"user.b": b"b"}
