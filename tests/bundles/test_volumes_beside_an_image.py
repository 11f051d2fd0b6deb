"""Volumes of a bundle whose root filesystem is an image: filled by any user, and known again as what they were filled
with.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundler import BuildRequest, pack
from bundler import build as build_bundle
from bundler.bundles.bundle import Bundle
from bundler.bundles.data_folders import holds_data
from tests.support.command import call_bundler
from tests.support.image_files import archive_of, docker_files, sample
from tests.support.ordinary_user import USER, as_user, folder_of_a_user
from tests.support.tarballs import directory, file, hard_link, sparse, symlink, tarball
from tests.support.tree import tree

pytestmark = pytest.mark.root
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}
LAYER = tarball(
    directory("srv", owner=(33, 44)),
    file("srv/f", b"seed" * 3000, 0o640, owner=(33, 44), xattrs={"user.kept": b"1"}),
    hard_link("srv/g", "srv/f"),
    hard_link("elsewhere", "srv/f"),
    symlink("srv/l", "f"),
    directory("srv/d", 0o2750, owner=(0, 44)),
    file("srv/d/root", b"r"),
    file("srv/capable", b"c", xattrs=CAPABLE),
    sparse([(8192, b"x" * 100)], 1 << 20, "srv/holes"),
    symlink("data", "srv"),
)
WAYS = ["root", "rootless by root", "user", "rootless"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_of_a_user() as folder:
        volumes: dict[str, dict[str, str]] = {"/data": {}, "/absent": {}}
        (folder / "image.tar").write_bytes(archive_of(docker_files({"t:1": sample(LAYER, Volumes=volumes)})))
        yield folder


def by(way: str) -> Callable[[Callable[[], Path]], Path]:
    return as_user if way in ("user", "rootless") else lambda work: work()


def build(folder: Path, way: str, *, rootfs: str = "erofs", name: str = "b") -> Path:
    image = f"docker-archive:{folder}/image.tar"
    request = BuildRequest(image=image, rootfs=rootfs, rootless="rootless" in way, caller=(USER, USER), store=None)
    return by(way)(lambda: build_bundle(request, folder / name).path)


def data_in(bundle: Path) -> list[str]:
    recorded = Bundle(bundle).record.document
    return [path for path in ("volumes/absent", "volumes/data") if holds_data(bundle, path, recorded)]


@pytest.mark.parametrize("way", WAYS)
def test_a_volume_that_nobody_wrote_to_holds_no_data(folder: Path, way: str) -> None:
    bundle = build(folder, way)
    assert data_in(bundle) == []
    os.utime(bundle / "volumes/data", (1, 1))  # a file that came and went
    assert data_in(bundle) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "change",
    ["echo x >d/new", "rm l", "echo x >>f", "chmod 600 f", "rm g; cp -p f g", "touch d/root", "setfattr -n user.x d"],
)
def test_a_volume_that_was_written_to_holds_data(folder: Path, way: str, change: str) -> None:
    bundle = build(folder, way)
    subprocess.run(["sh", "-euc", change], cwd=bundle / "volumes/data", check=True)
    assert data_in(bundle) == ["volumes/data"]


def test_an_untouched_bundle_is_replaced_without_a_question(folder: Path) -> None:
    bundle = build(folder, "root")
    again = ("build", f"docker-archive:{folder}/image.tar", "--rootfs", "erofs", "--force", "-o", bundle)
    assert call_bundler(*again).returncode == 0
    (bundle / "volumes/data/new").write_text("x")
    refused = call_bundler(*again)
    assert refused.returncode == 2
    assert "there is data in volumes/data" in refused.stderr
    assert call_bundler(*again, "--keep-volumes").returncode == 0
    assert (bundle / "volumes/data/new").read_text() == "x"


def test_a_user_writes_down_whose_the_files_are(folder: Path) -> None:
    of_root, of_user = build(folder, "root", name="r"), build(folder, "user", name="u")
    for document in ("rootfs.erofs", "bundler.json", "config.json"):
        assert (of_root / document).read_bytes() == (of_user / document).read_bytes()
    on_disk = tree(of_user / "volumes/data")
    assert {node.owner for node in on_disk.values()} == {(USER, USER)}
    assert "user.rootlesscontainers" in dict(on_disk["f"].xattrs)
    assert "user.rootlesscontainers" not in dict(on_disk["d/root"].xattrs)


def test_what_a_user_packs_has_the_owners_of_the_image(folder: Path) -> None:
    build(folder, "user", name="u")
    as_user(lambda: pack(folder / "u", folder / "u.tar"))
    subprocess.run(["chown", "-R", "0:0", folder / "u.tar"], check=True)
    assert call_bundler("unpack", folder / "u.tar", "-o", folder / "unpacked").returncode == 0
    of_root = build(folder, "root", name="r")
    seen, expected = tree(folder / "unpacked/volumes/data"), tree(of_root / "volumes/data")
    assert {name: node.owner for name, node in seen.items()} == {name: node.owner for name, node in expected.items()}
    assert "user.rootlesscontainers" not in dict(seen["f"].xattrs)
