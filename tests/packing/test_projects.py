"""A project becomes one file and a directory again; what is in the file is hostile until it was verified."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bundler.archives.entry import HARD_LINK
from bundler.bundles.replacement.rules import OldVolumes
from bundler.bundles.verification.comparison import Change
from bundler.errors import DifferenceError, RequestError
from bundler.packing.packing import pack
from bundler.packing.unpacking import unpack
from bundler.upkeep.verification import verify
from tests.support.built_projects import build_shop, copied
from tests.support.command import bundler, call_bundler
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SSH, SSH_SECRET
from tests.support.tar_reading import names, read
from tests.support.tree import differences, tree

pytestmark = pytest.mark.root
FORMS = (None, "erofs")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str | None, Path]:
    return {rootfs: build_shop(tmp_path_factory.mktemp("shop"), rootfs=rootfs) for rootfs in FORMS}


@pytest.fixture
def shop(built: dict[str | None, Path], tmp_path: Path) -> Path:
    return copied(built[None], tmp_path / "made")


def told(packed: Path) -> list[Change]:
    return list(verify(packed).changes)


@pytest.mark.parametrize("rootfs", FORMS)
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_what_was_packed_is_verified_and_unpacked(
    built: dict[str | None, Path], tmp_path: Path, rootfs: str | None, suffix: str
) -> None:
    packed = pack(built[rootfs], tmp_path / f"shop{suffix}")
    there, here = verify(built[rootfs]), verify(packed.path)
    assert (here.changes, here.document, here.digest, here.files) == ((), "project.json", there.digest, there.files)
    unpack(packed.path, tmp_path / "again")
    assert differences(tree(built[rootfs]), tree(tmp_path / "again")) == {}
    again = pack(tmp_path / "again", tmp_path / f"again{suffix}")
    assert again.path.read_bytes() == packed.path.read_bytes()


def test_it_begins_with_what_tells_what_it_is(shop: Path, tmp_path: Path) -> None:
    found = [os.fsdecode(name) for name in names(pack(shop, tmp_path / "shop.tar").path.read_bytes())]
    assert found[:6] == [
        "./",
        "./project.json",
        "./app/",
        "./app/bundler.json",
        "./app/config.json",
        "./app/rootfs.mtree",
    ]
    tops = list(dict.fromkeys(name.split("/")[1] for name in found[1:]))
    assert tops == ["project.json", "app", "db", "web-1", "web-2", "volumes"]


def test_an_image_that_bundles_share_is_carried_once_and_is_one_file(
    built: dict[str | None, Path], tmp_path: Path
) -> None:
    packed = pack(built["erofs"], tmp_path / "shop.tar").path
    links = {entry.name: entry.link_name for entry, _ in read(packed.read_bytes()) if entry.kind == HARD_LINK}
    assert links == {
        b"./web-1/rootfs.erofs": b"./db/rootfs.erofs",
        b"./web-2/rootfs.erofs": b"./db/rootfs.erofs",
        b"./volumes/rows/mark": b"./volumes/rows/again",
    }
    unpack(packed, tmp_path / "again")
    inodes = {name: (tmp_path / f"again/{name}/rootfs.erofs").stat().st_ino for name in ("app", "db", "web-1", "web-2")}
    assert inodes["db"] == inodes["web-1"] == inodes["web-2"] != inodes["app"]
    # As where the disk has shared the blocks, and not the file.
    apart = copied(built["erofs"], tmp_path / "apart")
    for name in ("web-1", "web-2"):
        image = apart / name / "rootfs.erofs"
        content = image.read_bytes()
        image.unlink()
        image.write_bytes(content)
        image.chmod(0o444)
        os.utime(image, (0, 0))
    assert pack(apart, tmp_path / "apart.tar").path.read_bytes() == packed.read_bytes()
    assert pack(apart, tmp_path / "as-is.tar", as_is=True).path.read_bytes() == packed.read_bytes()


@pytest.mark.parametrize("command", ["upgrade web-1 FILE", "review FILE", "build FILE -o b"])
def test_what_is_for_one_bundle_says_that_it_is_none(shop: Path, tmp_path: Path, command: str) -> None:
    packed = pack(shop, tmp_path / "shop.tar").path
    subprocess.run(["cp", "-a", shop / "web-1", tmp_path], check=True)
    done = call_bundler(*command.replace("FILE", str(packed)).split(), cwd=tmp_path)
    assert done.returncode in (2, 3)
    assert "shop.tar holds a project, and no bundle" in done.stderr or "build" in command, done.stderr
    assert "bundler unpack" in done.stderr


@pytest.mark.parametrize("public", [MINISIGN, SSH], ids=["minisign", "ssh"])
def test_it_is_signed_and_held_against_a_key(shop: Path, tmp_path: Path, public: bytes) -> None:
    secret = MINISIGN_SECRET if public == MINISIGN else SSH_SECRET
    for name, content in (("key", secret), ("pub", public)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    words = ("pack", shop, "-o", "shop.tar.gz", "--sign", "key", "--level", "9", "--json")
    signature = Path(json.loads(bundler(*words, cwd=tmp_path))["signature"])
    report = json.loads(bundler("verify", "shop.tar.gz", "--key", "pub", "--json", cwd=tmp_path))
    assert (report["document"], report["changes"]) == ("project.json", [])
    bundler("unpack", "shop.tar.gz", "--key", "pub", "-o", "again", cwd=tmp_path)
    (tmp_path / signature).unlink()
    for command in (("verify", "shop.tar.gz"), ("unpack", "shop.tar.gz", "-o", "more")):
        assert call_bundler(*command, "--key", "pub", cwd=tmp_path).returncode == 6
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize("doing", ["pack", "unpack"])
def test_what_was_killed_leaves_nothing_that_the_next_does_not_remove(shop: Path, tmp_path: Path, doing: str) -> None:
    packed = pack(shop, tmp_path / "shop.tar").path
    before = sorted(path.name for path in tmp_path.iterdir())
    child = os.fork()
    if not child:
        kill = partial(os.kill, os.getpid(), signal.SIGKILL)
        if doing == "pack":
            pack(shop, tmp_path / "other.tar", before_publishing=kill)
        unpack(packed, tmp_path / "other", before_publishing=kill)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / "other.tar").exists()
    pack(shop, packed, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_neither_the_place_nor_the_umask_nor_the_clock_shows(shop: Path, tmp_path: Path) -> None:
    before = pack(shop, tmp_path / "a.tar").sha256
    moved = shop.rename(tmp_path / "moved")
    for name in (".", "project.json", "volumes", "db", "db/config.json"):
        os.utime(moved / name)
    mask = os.umask(0o077)
    try:
        assert pack(moved, tmp_path / "b.tar").sha256 == before
    finally:
        os.umask(mask)


def test_what_two_volumes_have_in_common_is_in_each(shop: Path, tmp_path: Path) -> None:
    (shop / "volumes/rows/dump").write_text("rows")
    os.link(shop / "volumes/rows/dump", shop / "volumes/empty/dump")
    os.link(shop / "volumes/rows/dump", shop / "volumes/rows/too")
    unpack(pack(shop, tmp_path / "shop.tar").path, tmp_path / "again")
    again = tmp_path / "again/volumes"
    assert (again / "empty/dump").read_text() == "rows"
    assert (again / "rows/dump").samefile(again / "rows/too")
    assert not (again / "rows/dump").samefile(again / "empty/dump")


def lead_elsewhere(shop: Path) -> None:
    (shop / "volumes/empty").rmdir()
    (shop / "volumes/empty").symlink_to("rows")


def no_volumes(shop: Path) -> None:
    shutil.rmtree(shop / "volumes")
    (shop / "volumes").touch()


def exchange(shop: Path) -> None:
    shutil.rmtree(shop / "web-1")
    shutil.copytree(shop / "web-2", shop / "web-1", symlinks=True)


def say_more(shop: Path) -> None:
    with (shop / "web-1/bundler.json").open("ab") as stream:
        stream.write(b"\n")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file of a root filesystem": lambda shop: (shop / "db/rootfs/bin/sh").write_bytes(b"no"),
    "a file more": lambda shop: (shop / "web-2/rootfs/more").write_bytes(b""),
    "a config.json": lambda shop: (shop / "web-1/config.json").write_text("{}"),
    "a bundler.json": say_more,
    "a generated file": lambda shop: (shop / "web-1/etc/hosts").write_text("127.0.0.1 db\n"),
    "a volume less": lambda shop: (shop / "volumes/empty").rmdir(),
    "a volume that is a link": lead_elsewhere,
    "volumes that are no folder": no_volumes,
    "others who may write to it": lambda shop: (shop / "volumes").chmod(0o777),
    "a bundle in the place of another": exchange,
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_told_as_for_the_directory(shop: Path, tmp_path: Path, name: str) -> None:
    CHANGES[name](shop)
    with pytest.raises(DifferenceError, match="is not what was built"):
        pack(shop, tmp_path / "shop.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]
    packed = pack(shop, tmp_path / "shop.tar", as_is=True).path
    assert {(change.path, change.what) for change in told(packed)} == {
        (change.path, change.what) for change in verify(shop).changes
    }
    with pytest.raises(DifferenceError, match=r"shop\.tar: the project in it is not what was built"):
        unpack(packed, tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "shop.tar"]
    if "link" not in name and "no folder" not in name:
        unpack(packed, tmp_path / "again", as_is=True)
        assert tree(shop).keys() == tree(tmp_path / "again").keys()


def test_what_is_of_no_project_is_left_out_as_it_is(shop: Path, tmp_path: Path) -> None:
    (shop / "more").write_text("x")
    with pytest.raises(DifferenceError, match="more differs"):
        pack(shop, tmp_path / "shop.tar")
    assert told(pack(shop, tmp_path / "shop.tar", as_is=True).path) == []


@pytest.mark.parametrize("as_is", [False, True])
def test_a_project_that_lacks_a_bundle_is_not_packed(shop: Path, tmp_path: Path, *, as_is: bool) -> None:
    shutil.rmtree(shop / "app")
    with pytest.raises(RequestError, match="app is not a bundle: there is no such directory"):
        pack(shop, tmp_path / "shop.tar", as_is=as_is)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


@pytest.mark.parametrize("suffix", [".squashfs", ".erofs"])
def test_a_project_is_no_image_to_be_mounted(shop: Path, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(RequestError, match="is for one bundle"):
        pack(shop, tmp_path / f"shop{suffix}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


def test_one_that_is_there_is_replaced_by_force_and_keeps_what_its_volumes_hold(shop: Path, tmp_path: Path) -> None:
    packed = pack(shop, tmp_path / "shop.tar").path
    with pytest.raises(RequestError, match="exists already"):
        unpack(packed, shop)
    (shop / "volumes/rows/since").write_text("data")
    (shop / "db/config.json").write_text("{}")
    with pytest.raises(RequestError, match="there is data in volumes/rows"):
        unpack(packed, shop, replace=True)
    unpack(packed, shop, replace=True, volumes=OldVolumes.KEPT)
    assert (shop / "volumes/rows/since").read_text() == "data"
    assert verify(shop).changes == ()
    unpack(packed, shop, replace=True, volumes=OldVolumes.DISCARDED)
    assert not (shop / "volumes/rows/since").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/mine").touch()
    with pytest.raises(RequestError, match="is not a project"):
        unpack(packed, tmp_path / "other", replace=True)
