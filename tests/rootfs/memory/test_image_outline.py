"""An image that is looked into without being mounted: names lead where they would on disk, and files hold the same."""

import os
from pathlib import Path

import pytest

from bundler.archives.stream import DamagedError
from bundler.rootfs.memory.image_outline import outline_of_image
from bundler.rootfs.tree import Tree
from tests.rootfs.memory.test_image_tree import ATTRIBUTES, CASES, LINKS, WHITEOUTS, Listing, layers_of
from tests.support.erofs_images import image_of
from tests.support.layers import unpacked
from tests.support.tarballs import sparse

CASES_LOOKED_INTO = {
    "attributes": [ATTRIBUTES],
    "links": LINKS,
    "whiteouts": WHITEOUTS,
    **{name: CASES[name] for name in CASES if "hole" in name or "sizes" in name or name == "names"},
}


@pytest.mark.root
@pytest.mark.parametrize("listings", CASES_LOOKED_INTO.values(), ids=CASES_LOOKED_INTO)
def test_what_is_found_is_what_a_directory_holds(tmp_path: Path, listings: list[Listing]) -> None:
    layers = layers_of(listings)
    root = unpacked(tmp_path / "root", *layers)
    with image_of(tmp_path / "image", layers).open("rb") as image, Tree(root) as tree:
        outline = outline_of_image(image.fileno())
        pending = [b""]
        while pending:
            path = pending.pop()
            kind = tree.kind(path)
            assert outline.kind(path) == kind
            if kind == 0o040000:
                names = tree.names(path)
                assert outline.names(path) == names
                pending += [path + b"/" + name if path else name for name in names]
            elif kind == 0o120000:
                assert outline.read_link(path) == tree.read_link(path)
            elif kind == 0o100000:
                size = (root / os.fsdecode(path)).stat().st_size
                for offset, most in ((0, 10), (4090, 20), (size - 5, 100), (size - 4100, 50), (0, min(size, 1 << 16))):
                    if offset >= 0:
                        assert outline.read(path, most, offset) == tree.read(path, most, offset)


def test_an_offset_that_a_hostile_file_states_takes_no_memory(tmp_path: Path) -> None:
    image = image_of(tmp_path / "image", layers_of([[sparse([(1 << 30, b"stored")], 1 << 36)]]))
    with image.open("rb") as stream:
        outline = outline_of_image(stream.fileno())
        assert outline.read(b"sparse", 8, (1 << 30) - 1) == b"\0stored\0"
        assert outline.read(b"sparse", 8, (1 << 36) - 2) == b"\0\0"
        assert outline.read(b"sparse", 1 << 20, 1 << 62) == b""
        assert outline.read(b"sparse", 4, 1 << 35) == bytes(4)


def test_a_damaged_one_is_told_of(tmp_path: Path) -> None:
    image = image_of(tmp_path / "image", layers_of([ATTRIBUTES]))
    with image.open("r+b") as stream:
        stream.truncate(5000)
        with pytest.raises(DamagedError):
            outline_of_image(stream.fileno())
