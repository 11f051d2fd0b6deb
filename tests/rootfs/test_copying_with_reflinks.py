"""A tree that is copied on a disk where files can share their blocks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.bundles.files import bundle_owners
from bundler.rootfs.copying import seed_volume
from bundler.rootfs.tree import Tree
from tests.support.reflinks import disk_with_reflinks

pytestmark = [pytest.mark.root, pytest.mark.tool("mkfs.xfs")]
SIZE = 32 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disk_with_reflinks(tmp_path) as where:
        yield where


def used(disk: Path) -> int:
    os.sync()
    status = os.statvfs(disk)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def test_copies_share_blocks_and_nothing_that_is_written_later(disk: Path) -> None:
    content = os.urandom(SIZE)
    (disk / "source").mkdir()
    (disk / "source/large").write_bytes(content)
    (disk / "source/empty").write_bytes(b"")
    with (disk / "source/holes").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
        file.truncate(2 << 20)
    before = used(disk)
    with Tree.open(disk / "source", bundle_owners()) as tree:
        for name in ("one", "two"):
            seed_volume(tree, b"/", disk / name, bundle_owners())
    assert used(disk) - before < SIZE
    for name in ("one", "two"):
        assert (disk / name / "large").read_bytes() == content
        assert (disk / name / "empty").read_bytes() == b""
        holes = disk / name / "holes"
        assert holes.read_bytes() == (disk / "source/holes").read_bytes()
        assert holes.stat().st_blocks * 512 < 1 << 20
        assert holes.stat().st_mtime_ns == (disk / "source/holes").stat().st_mtime_ns
    with (disk / "one/large").open("r+b") as file:
        file.write(b"changed")
    assert (disk / "two/large").read_bytes() == (disk / "source/large").read_bytes() == content
