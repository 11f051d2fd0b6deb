"""A packed bundle that can be mounted says all that its format can hold, and the same on every machine."""

import os
import random
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bundler import tools
from bundler.archives.filesystems.file_system import merge_holes
from bundler.bundles.bundle import Bundle
from bundler.errors import BundlerError, ImageError, LayerError, ToolError
from bundler.limits import DEFAULTS
from bundler.packing.packed import open_packed
from bundler.packing.packing import pack
from bundler.packing.squashfs_gaps import seconds_held
from bundler.packing.unpacking import unpack
from bundler.rootfs.owners import choose_owners
from tests.support.acls import GROUP, MASK, OTHER, USER, acl
from tests.support.bundles import MEMBERS, S, make_bundle
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tarballs import directory, file, hard_link, symlink
from tests.support.tree import differences, tree

pytestmark = [pytest.mark.root, pytest.mark.tool("mksquashfs", "mkfs.erofs", "unsquashfs", "fsck.erofs")]
SUFFIXES = [".squashfs", ".erofs"]
NOISE = random.Random(1).randbytes(300_000)  # noqa: S311 -- the same each time
ACL = acl((USER, 7), (USER, 5, 99), (GROUP, 5), (MASK, 7), (OTHER, 0))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    members = [
        *MEMBERS,
        file("many", os.urandom(1) * 700_000, mtime=S),
        file("noise", NOISE, mtime=S),
        symlink("far", "x" * 4000, mtime=S),
        hard_link("far-too", "far"),
        *(file(f"etc/conf.d/{number:04d}", b"%d" % number * number, mtime=S) for number in range(900)),
    ]
    return make_bundle(tmp_path_factory.mktemp("made") / "bundle", *members)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_neither_the_place_nor_the_disk_shows(bundle: Path, tmp_path: Path, suffix: str) -> None:
    first = pack(Bundle.open(bundle), tmp_path / f"a{suffix}")
    unpack(first.path, tmp_path / "again")
    assert differences(tree(bundle), tree(tmp_path / "again")) == {}
    assert pack(Bundle.open(tmp_path / "again"), tmp_path / f"b{suffix}").sha256 == first.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", "again", f"b{suffix}"]


@pytest.mark.tool("mount")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_told_by_the_name_of_the_file(bundle: Path, tmp_path: Path, suffix: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", disk], check=True)
    try:
        with pytest.raises(BundlerError, match=rf"^b{suffix}: .*no space left"):
            pack(Bundle.open(bundle), disk / f"b{suffix}")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


READERS: dict[str, list[str]] = {
    ".squashfs": ["unsquashfs", "-quiet", "-no-progress", "-dest", "out", "b.squashfs"],
    ".erofs": ["fsck.erofs", "--extract=out", "b.erofs"],
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_its_own_program_reads_the_same_content(bundle: Path, tmp_path: Path, suffix: str) -> None:
    pack(Bundle.open(bundle), tmp_path / f"b{suffix}")
    subprocess.run(READERS[suffix], cwd=tmp_path, check=True, capture_output=True)
    for path in ("rootfs/many", "rootfs/noise", "rootfs/etc/conf.d/0899", "rootfs/zeros", "rootfs.mtree"):
        assert (tmp_path / "out" / path).read_bytes() == (bundle / path).read_bytes()
    assert (tmp_path / "out/rootfs/far").readlink() == (bundle / "rootfs/far").readlink()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_image_has_the_time_that_it_is_given(bundle: Path, tmp_path: Path, suffix: str) -> None:
    digests = {pack(Bundle.open(bundle), tmp_path / f"{at}{suffix}", made_at=at).sha256 for at in (0, 1, 1700000000)}
    assert len(digests) == 3
    unpack(tmp_path / f"1700000000{suffix}", tmp_path / "again")
    assert differences(tree(bundle), tree(tmp_path / "again")) == {}


def test_what_squashfs_cannot_hold_is_told_and_restored_from_the_manifest(tmp_path: Path) -> None:
    members = [
        directory(".", mtime=S),
        file("f", b"x", mtime=S + 5),
        file("old", b"x", mtime=-3 * S // 2),
        file("late", b"x", mtime=(1 << 32) * S),
        file("acl", b"x", 0o670, mtime=S, xattrs={"system.posix_acl_access": ACL}),
    ]
    bundle = make_bundle(tmp_path / "made/b", *members)
    packed = pack(Bundle.open(bundle), tmp_path / "b.squashfs")
    assert packed.remark is not None
    assert "lacks some of 4 files" in packed.remark
    unpack(packed.path, tmp_path / "again")
    assert differences(tree(bundle), tree(tmp_path / "again")) == {}
    assert pack(Bundle.open(bundle), tmp_path / "b.erofs").remark is None
    unpack(tmp_path / "b.erofs", tmp_path / "too")
    assert differences(tree(bundle), tree(tmp_path / "too")) == {}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_ordinary_user_packs_what_root_owns(tmp_path: Path, suffix: str) -> None:
    members = [directory("d"), file("d/f", b"x", owner=(7, 8))]
    with folder_of_a_user() as folder:

        def work() -> str:
            bundle = make_bundle(folder / "made/b", *members, owners=choose_owners(([], []), rootless=True))
            unpack(pack(Bundle.open(bundle), folder / f"b{suffix}").path, folder / "again")
            return pack(Bundle.open(folder / "again"), folder / f"c{suffix}").sha256

        digest = as_user(work)
        assert pack(Bundle.open(folder / "made/b"), tmp_path / f"root{suffix}").sha256 == digest


@pytest.mark.parametrize(("suffix", "package"), [(".squashfs", "squashfs-tools"), (".erofs", "erofs-utils")])
def test_a_missing_program_is_told_with_its_package(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, package: str
) -> None:
    tools.require.cache_clear()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError) as raised:
        pack(Bundle.open(bundle), tmp_path / f"b{suffix}")
    assert package in str(raised.value.hint)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    tools.require.cache_clear()


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def truncate_to_head(content: bytes) -> bytes:
    return content[:1100]


@pytest.mark.parametrize("damage", [cut_off, truncate_to_head])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_image_is_damaged(
    bundle: Path, tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    packed = pack(Bundle.open(bundle), tmp_path / f"b{suffix}").path
    packed.write_bytes(damage(packed.read_bytes()))
    with pytest.raises(BundlerError, match=f"b{suffix}"):
        unpack(packed, tmp_path / "again")
    assert [path.name for path in tmp_path.iterdir()] == [f"b{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_bytes_are_an_image_or_an_expected_failure(tmp_path: Path, suffix: str) -> None:
    small = make_bundle(tmp_path / "made/b", *MEMBERS[:6], hard_link("h", "etc/motd"))
    content = pack(Bundle.open(small), tmp_path / f"b{suffix}").path.read_bytes()
    dice = random.Random(7)  # noqa: S311 -- the same each time
    for _ in range(300):
        mutated = bytearray(content)
        for _ in range(dice.choice((1, 1, 3))):
            mutated[dice.randrange(len(mutated))] = dice.choice((0, 255, dice.randrange(256)))
        (tmp_path / "m").write_bytes(mutated)
        with suppress(ImageError, LayerError), open_packed(tmp_path / "m", DEFAULTS) as packed:
            for _, stored in packed.entries():
                assert all(len(part) for part in stored)


def rename(packed: Path, name: bytes, lie: bytes) -> None:
    content = packed.read_bytes()
    assert name in content
    packed.write_bytes(content.replace(name, lie))


@pytest.mark.parametrize("lie", [b"etc/passwd", b"..\0aaaaaaa", b"\0aaaaaaaaa", b"bundler.jsoo"[:10]])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, lie: bytes) -> None:
    packed = pack(Bundle(make_bundle(tmp_path / "made/b", file("zzzzzzzzzz", b"x"))), tmp_path / "b.erofs").path
    rename(packed, b"zzzzzzzzzz", lie)
    with pytest.raises(BundlerError):
        unpack(packed, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_directory_that_holds_itself_is_refused(tmp_path: Path) -> None:
    packed = pack(Bundle(make_bundle(tmp_path / "made/b", directory("d"), directory("d/e"))), tmp_path / "b.erofs").path
    content = bytearray(packed.read_bytes())
    # Of the directory d: ., .. and e, each 12 bytes, and their names; `e` is given the number of `.`.
    at = content.index(b"...e") - 36
    content[at + 24 : at + 32] = content[at : at + 8]
    packed.write_bytes(content)
    with pytest.raises(BundlerError, match="a directory is in the file system twice"):
        unpack(packed, tmp_path / "again")


def test_the_rest_of_a_file_with_too_many_holes_is_stored() -> None:
    blocks = [(0, 4), (4, 4), (16, 4), (32, 4), (48, 4)]
    assert merge_holes(iter(blocks), 64, 9) == ((0, 8), (16, 4), (32, 4), (48, 4))
    assert merge_holes(iter(blocks), 64, 2) == ((0, 8), (16, 48))
    assert merge_holes(iter([(0, 4), (4, 2)]), 6, 9) is None


def test_seconds_are_those_of_an_unsigned_number() -> None:
    assert [seconds_held(at) for at in (0, 3 * S // 2, -S // 2, (1 << 32) * S)] == [0, 1, 0xFFFFFFFF, 0]
