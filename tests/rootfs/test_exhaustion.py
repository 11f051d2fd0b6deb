"""What makes an unpacker run out of something: paths without end, descriptors; and what is nobody's to use."""

import os
import stat
from pathlib import Path

import pytest

from bundler.errors import BundlerError
from bundler.rootfs.remove import remove_tree
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.unpack import unpack
from tests.support.layers import layer
from tests.support.steps import steps
from tests.support.tarballs import directory, file, opaque, whiteout


@pytest.mark.root
def test_a_path_of_a_thousand_directories_is_made_and_removed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    deep = "/".join("d" * 1500)
    unpack([layer(file(f"{deep}/f")), layer(whiteout("d"), file("left"))], root)
    assert [path.name for path in root.iterdir()] == ["left"]


@pytest.mark.root
def test_a_layer_hides_deep_below_what_it_has_put_there(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    deep = "/".join("d" * 1500)
    unpack([layer(file(f"{deep}/old")), layer(file(f"{deep}/new"), opaque("."))], root)
    with Tree.open(root) as unpacked:
        assert unpacked.names(deep.encode()) == [b"new"]
    remove_tree(root)  # too deep for pytest to do it


@pytest.mark.root
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number, members in enumerate(([file("a/b/c")], [file("a"), file("a/b")])):
        root = tmp_path / str(number)
        root.mkdir()
        try:
            unpack([layer(*members)], root)
        except BundlerError:
            assert number == 1
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.root
def test_setuid_files_are_never_anybodys_but_their_owners(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    unpack([layer(file("su", b"x", 0o4755, owner=(1234, 1234)))], root)
    status = (root / "su").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o4755, 1234)


def test_any_number_of_opaque_whiteouts_is_the_work_of_one(tmp_path: Path) -> None:
    """Each of 512 bytes, for all files beside it that its own layer has brought."""

    def apply(whiteouts: int) -> None:
        files = [file(f"d/{number}") for number in range(200)]
        root = tmp_path / f"{whiteouts}"
        root.mkdir()
        unpack([layer(directory("d"), file("d/old")), layer(*files, *[opaque("d")] * whiteouts)], root)
        assert len(list((root / "d").iterdir())) == 200

    assert steps(lambda: apply(100)) < steps(lambda: apply(1)) * 3
