"""Bundles that share the file of a root filesystem: the same bytes, once on the disk, and proven for each of them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bundler import BuildRequest
from bundler import build as build_bundle
from tests.bundles.test_rootfs_image import LAYERS
from tests.support.command import call_bundler
from tests.support.image_files import archive_of, docker_files, sample
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.reflinks import disk_with_reflinks
from tests.support.tarballs import file, tarball

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "image.tar"
    path.write_bytes(archive_of(docker_files({"t:1": sample(*LAYERS)})))
    return path


@pytest.fixture
def first(archive: Path, tmp_path: Path) -> Path:
    assert build(archive, tmp_path / "first") == ""
    return tmp_path / "first"


def build(archive: Path, bundle: Path, *options: str | Path, form: str = "erofs", **circumstances: Any) -> str:
    words = ["build", f"docker-archive:{archive}", "--rootfs", form, "-o", bundle, *options]
    done = call_bundler(*words, **circumstances)
    assert done.returncode == 0, done.stderr
    return done.stderr


def image_of(bundle: Path) -> os.stat_result:
    return (bundle / "rootfs.erofs").stat()


def is_proven(bundle: Path) -> bool:
    return call_bundler("verify", "--deep", bundle).returncode == 0


def test_the_same_image_gets_another_name(archive: Path, first: Path, tmp_path: Path) -> None:
    second, third = tmp_path / "second", tmp_path / "third"
    assert build(archive, second, "--link-from", first, "-e", "A=b") == ""
    assert build(archive, third, "--link-from", second) == ""
    assert os.path.samestat(image_of(first), image_of(second))
    assert (image_of(third).st_nlink, image_of(third).st_mode & 0o7777, image_of(third).st_mtime_ns) == (3, 0o444, 0)
    assert all(is_proven(bundle) for bundle in (first, second, third))
    alone = tmp_path / "alone"
    build(archive, alone)
    for document in ("bundler.json", "config.json", "rootfs.mtree", "rootfs.erofs"):
        assert (third / document).read_bytes() == (alone / document).read_bytes()
    for bundle in (alone, third):
        assert call_bundler("pack", bundle, "-o", f"{bundle}.tar").returncode == 0
    assert (tmp_path / "alone.tar").read_bytes() == (tmp_path / "third.tar").read_bytes()


def test_a_bundle_can_be_removed_and_replaced_and_the_others_stay(archive: Path, first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    build(archive, second, "--link-from", first)
    shutil.rmtree(first)
    assert is_proven(second)
    assert build(archive, second, "--link-from", second, "--force") == ""
    assert is_proven(second)


def test_what_is_written_to_one_is_found_in_all(archive: Path, first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    build(archive, second, "--link-from", first)
    with (first / "rootfs.erofs").open("r+b") as image:
        image.seek(5000)
        image.write(b"changed")
    for bundle in (first, second):
        assert (call_bundler("verify", bundle).stdout) == "changed: rootfs.erofs\n"


def test_a_shared_file_that_may_be_written_to_is_told(archive: Path, first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    build(archive, second, "--link-from", first)
    (second / "rootfs.erofs").chmod(0o644)
    assert call_bundler("verify", second).stdout == "changed: rootfs.erofs\n"


@pytest.fixture
def with_reflinks(tmp_path: Path) -> Iterator[Path]:
    with disk_with_reflinks(tmp_path) as where:
        yield where


@pytest.mark.tool("mkfs.xfs")
def test_where_there_are_reflinks_each_has_a_file_of_its_own(archive: Path, with_reflinks: Path) -> None:
    first, second = with_reflinks / "first", with_reflinks / "second"
    build(archive, first)
    assert build(archive, second, "--link-from", first) == ""
    assert not os.path.samestat(image_of(first), image_of(second))
    assert (image_of(second).st_nlink, image_of(second).st_mode & 0o7777, image_of(second).st_mtime_ns) == (1, 0o444, 0)
    with (first / "rootfs.erofs").open("r+b") as image:
        image.write(b"changed")
    assert is_proven(second)


@pytest.mark.parametrize("change", ["another image", "another form", "changed", "writable", "linked to", "elsewhere"])
def test_what_cannot_be_shared_is_told_and_the_bundle_has_its_own(
    archive: Path, first: Path, tmp_path: Path, change: str
) -> None:
    says, image = "it is another image", first / "rootfs.erofs"
    options = ["--verity"] if change == "another form" else []
    if change == "another image":
        archive = tmp_path / "image.tar"
        archive.write_bytes(archive_of(docker_files({"t:1": sample(tarball(file("f")))})))
    elif change == "changed":
        says = "it is not what was built"
        with image.open("r+b") as stream:
            stream.write(b"x")
    elif change == "writable":
        says = "another user may write to it"
        image.chmod(0o666)
    elif change == "linked to":
        says = "it is a symbolic link, which is not followed here"
        image.rename(tmp_path / "i")
        image.symlink_to(tmp_path / "i")
    elif change == "elsewhere":
        says = "it lies on another file system"
        first = Path(shutil.copytree(first, Path("/dev/shm") / tmp_path.name))
    second = tmp_path / "second"
    try:
        said = build(archive, second, "--link-from", first, *options)
    finally:
        shutil.rmtree(Path("/dev/shm") / tmp_path.name, ignore_errors=True)
    assert said == f"bundler: note: rootfs.erofs of {first} is not shared: {says}\n"
    assert image_of(second).st_nlink == 1
    assert is_proven(second)
    assert sorted(path.name for path in second.iterdir()) == sorted(
        ["bundler.json", "config.json", "etc", "rootfs", "rootfs.erofs", "rootfs.mtree"]
    )


def test_another_users_file_is_not_linked_to(archive: Path) -> None:
    with folder_of_a_user() as folder:
        (folder / "image.tar").write_bytes(archive.read_bytes())
        request = BuildRequest(image=f"docker-archive:{folder}/image.tar", rootfs="erofs", store=None)
        as_user(lambda: build_bundle(request, folder / "users").path)
        built = as_user(lambda: build_bundle(request, folder / "users-2", link_from=folder / "users").unshared)
        assert built == ""
        assert os.path.samestat(image_of(folder / "users"), image_of(folder / "users-2"))
        said = build(folder / "image.tar", folder / "roots", "--link-from", folder / "users")
        assert "another user may write to it" in said


def test_an_image_that_is_run_shares_with_the_others_of_the_cache(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("rootfs: {format: erofs}\n")
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    for number in range(2):
        words = ["run", "--dry-run", f"--overrides={tmp_path / 'o.yaml'}", "-e", f"A={number}"]
        done = call_bundler(*words, f"docker-archive:{archive}", "--", "/bin/su", env=env)
        assert done.returncode == 0, done.stderr
    images = list((tmp_path / "cache").rglob("rootfs.erofs"))
    assert len(images) == 2
    assert os.path.samestat(*(image.stat() for image in images))
