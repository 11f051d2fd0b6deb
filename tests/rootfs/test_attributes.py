"""Attributes of a file, where the file system has a place for them and where it has none."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.rootfs.attributes import Attributes, SetAttributes, clear_xattrs, read_attributes, set_attributes, set_own

pytestmark = [pytest.mark.root, pytest.mark.tool("mount")]
CAPABLE = {b"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system without extended attributes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "ramfs", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("give", [set_attributes, set_own])
def test_a_container_works_without_attributes_but_not_without_a_capability(disk: Path, give: SetAttributes) -> None:
    path = bytes(disk / "f")
    (disk / "f").touch()
    give(path, Attributes(0o640, xattrs={b"user.a": b"x", b"trusted.b": b"y"}))
    assert read_attributes(path).xattrs == {}
    assert read_attributes(path).mode == 0o640
    clear_xattrs(path)
    with pytest.raises(OSError, match="not supported") as refused:
        give(path, Attributes(0o755, xattrs=CAPABLE))
    assert refused.value.errno == errno.ENOTSUP


def test_attributes_are_those_of_a_link_and_not_of_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "l").symlink_to("f")
    os.setxattr(tmp_path / "f", "user.a", b"x")
    link = bytes(tmp_path / "l")
    set_attributes(link, Attributes(None, 7, 8, 3, 4, {b"trusted.t": b"1"}))
    assert read_attributes(link) == Attributes(None, 7, 8, read_attributes(link).atime, 4, {b"trusted.t": b"1"})
    clear_xattrs(link)
    assert read_attributes(link).xattrs == {}
    assert (read_attributes(bytes(tmp_path / "f")).uid, read_attributes(bytes(tmp_path / "f")).xattrs) == (
        0,
        {b"user.a": b"x"},
    )


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    for ask in (read_attributes, clear_xattrs):
        with pytest.raises(FileNotFoundError):
            ask(bytes(tmp_path / "gone"))
