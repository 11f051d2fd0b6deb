"""What a volume begins with."""

from pathlib import Path

import pytest

from bundler.errors import ImageError
from bundler.rootfs.copying import seed_volume
from bundler.rootfs.tree import Tree
from tests.support.layers import layer, unpacked
from tests.support.tarballs import (
    Member,
    character_device,
    directory,
    fifo,
    file,
    hard_link,
    pax_header,
    symlink,
)
from tests.support.tree import tree

pytestmark = pytest.mark.root
S = 10**9
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}


def seeded(tmp_path: Path, path: bytes, *members: Member | bytes) -> Path:
    root = unpacked(tmp_path / "root", layer(*members))
    with Tree.open(root) as rootfs:
        seed_volume(rootfs, path, tmp_path / "volume", rootfs.owners.as_they_are())
    return tmp_path / "volume"


def test_a_volume_is_an_exact_copy(tmp_path: Path) -> None:
    records = {
        "GNU.sparse.size": str(1 << 28),
        "GNU.sparse.numblocks": "3",
        "GNU.sparse.map": f"1000,3,{1 << 27},3,{1 << 28},0",
    }
    volume = seeded(
        tmp_path,
        b"/srv",
        directory("srv", 0o1750, owner=(33, 44), mtime=9 * S, xattrs={"user.top": b"1"}),
        directory("srv/d", 0o2700, owner=(1, 2), mtime=8 * S),
        file("srv/d/f", b"content", 0o4755, owner=(3, 4), mtime=7 * S + 5, xattrs=CAPABLE),
        hard_link("srv/g", "srv/d/f"),
        symlink("srv/l", "/etc", owner=(5, 6), mtime=6 * S),
        fifo("srv/p", mode=0o600, mtime=S),
        character_device("srv/c", 1, 3, mtime=S),
        pax_header(records),
        file("srv/s", b"onetwo", mtime=S),
    )
    assert tree(volume) == tree(tmp_path / "root/srv")
    assert tree(volume)["g"].same_as == tree(volume)["d/f"].same_as
    assert (volume / "s").stat().st_blocks * 512 < 1 << 20


def test_an_absent_path_is_an_empty_directory(tmp_path: Path) -> None:
    volume = seeded(tmp_path, b"/no/such/path")
    ((name, node),) = tree(volume).items()
    assert (name, node.mode, node.owner, node.mtime_ns) == (".", "0755", (0, 0), 0)
    assert list((tmp_path / "root").iterdir()) == []


def test_symlinks_to_the_volume_are_resolved_inside(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    outside = str(tmp_path / "outside")
    volume = seeded(tmp_path, b"/l", symlink("l", "../../.." + outside), file(outside + "/inside", b"x"))
    assert sorted(tree(volume)) == [".", "inside"]


def test_the_root_itself_may_be_a_volume(tmp_path: Path) -> None:
    assert sorted(tree(seeded(tmp_path, b"/", file("a/b")))) == [".", "a", "a/b"]


@pytest.mark.parametrize("members", [[file("v")], [fifo("v")], [file("f"), symlink("v", "f")]])
def test_a_volume_on_a_file_is_refused(tmp_path: Path, members: list[Member]) -> None:
    with pytest.raises(ImageError, match="is not a directory"):
        seeded(tmp_path, b"/v", *members)


@pytest.mark.parametrize("path", [b"/../v", b"../.."])
def test_a_volume_above_the_root_is_refused(tmp_path: Path, path: bytes) -> None:
    with pytest.raises(ImageError, match="leads out"):
        seeded(tmp_path, path, file("a"))


def test_a_loop_of_symlinks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="too many symlinks"):
        seeded(tmp_path, b"/v", symlink("v", "v"))
