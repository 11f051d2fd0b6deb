"""What the machine cannot do."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.disk_space import FullDiskError
from bundler.errors import BundlerError, LayerError
from bundler.rootfs.directories import explain
from tests.support.layers import layer, unpacked
from tests.support.memory_disk import memory_disk
from tests.support.tarballs import file


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (errno.ENOSPC, FullDiskError, "no space left"),
        (errno.EDQUOT, FullDiskError, "this user's quota is used up"),
        (errno.EPERM, BundlerError, "Operation not permitted"),
        (errno.EACCES, BundlerError, "Permission denied"),
        (errno.EIO, BundlerError, "Input/output error"),
        (errno.ENOTSUP, BundlerError, "the file system cannot keep a file capability"),
        (errno.ENAMETOOLONG, LayerError, "File name too long"),
        (errno.ENOTDIR, LayerError, "Not a directory"),
    ],
)
def test_each_error_says_whose_it_is(number: int, kind: type[BundlerError], message: str) -> None:
    found = explain(OSError(number, os.strerror(number)), "layer x: f")
    assert type(found) is kind
    assert found.what.startswith(f"layer x: f: {message}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    with memory_disk(tmp_path / "disk", "1m") as disk:
        yield disk


@pytest.mark.root
@pytest.mark.tool("mount")
def test_a_full_disk_is_named(small_disk: Path) -> None:
    with pytest.raises(BundlerError, match="big: no space left on the file system") as full:
        unpacked(small_disk / "root", layer(file("big", bytes(2_000_000))))
    assert full.value.exit_code == 1
