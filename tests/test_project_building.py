"""A project on disk: bundles of one image share it, volumes have what the first service brings, all or nothing."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.replacement.rules import OldVolumes
from bundler.errors import BundlerError, DifferenceError, RequestError
from bundler.images.image import Image
from bundler.project.project import ProjectRequest, read_project
from bundler.project.record import ProjectRecord
from bundler.project_building import BuiltProject, build_project
from bundler.reproducible.project_lock import describe_project, load_project_lock
from bundler.reproducible.reproduction import compare_projects
from bundler.request import BuildRequest
from bundler.upkeep.verification import verify
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import directory, file, symlink, tarball

pytestmark = pytest.mark.root

FILE = """
name: shop
services:
  web: {image: "FOLDER/one.tar", depends_on: [db], volumes: ["data:/data", "empty:/nothing"], scale: 2}
  app: {image: "FOLDER/other.tar", volumes: ["data:/data"]}
  db:
    image: "FOLDER/one.tar"
    volumes: ["data:/nowhere", "kept:/data:nocopy"]
    secrets: [{source: pw, mode: 0400, uid: "5"}, {source: pw, target: open, gid: "7"}]
volumes: {data: , empty: , kept: }
secrets: {pw: {file: ./pw}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("one", b"of one"), ("other", b"of the other")):
        layer = tarball(
            directory("data", mode=0o700, owner=(7, 0)), file("data/mark", text, mtime=5), file("bin/sh", b"sh")
        )
        write_archive(tmp_path / f"{name}.tar", layout_files({"1": sample(layer, Cmd=["sh"])}))
    (tmp_path / "compose.yaml").write_text(
        FILE.replace("FOLDER", str(tmp_path)).replace(", {type", "").partition("&")[0]
    )
    (tmp_path / "compose.yaml").write_text(FILE.replace("FOLDER", str(tmp_path)))
    (tmp_path / "pw").write_text("secret\n")
    return tmp_path


def build(folder: Path, *, name: str = "shop", compose: str = "compose.yaml", **more: Any) -> BuiltProject:
    opened: list[Image] = more.pop("opened", [])
    given = {key: more.pop(key) for key in ("rootfs",) if key in more}
    project = read_project(ProjectRequest(files=[str(folder / compose)]))
    request = BuildRequest(store=None, opened=opened.append, **given)
    return build_project(project, request, folder / name, overrides=more.pop("overrides", {}), **more)


def test_what_mounts_a_volume_and_a_folder_of_it_could_be_led_elsewhere(folder: Path) -> None:
    inner = "{type: volume, source: data, target: /in, volume: {subpath: in}}"
    (folder / "compose.yaml").write_text(
        (folder / "compose.yaml").read_text().replace('"data:/data"]', f'"data:/data", {inner}]')
    )
    with pytest.raises(
        RequestError,
        match=r"compose.yaml:\d+:\d+: volumes: \.\./volumes/data/in is mounted, and so is all of \.\./volumes/data",
    ):
        build(folder)
    assert not (folder / "shop").exists()


def with_part(folder: Path, subpath: str) -> None:
    inner = f"{{type: volume, source: data, target: /in, volume: {{subpath: {subpath}}}}}"
    text = (folder / "compose.yaml").read_text()
    (folder / "compose.yaml").write_text(
        text.replace('other.tar", volumes: ["data:/data"]', f'other.tar", volumes: [{inner}]')
    )


def test_a_folder_of_a_volume_is_made_in_it(folder: Path) -> None:
    with_part(folder, "a/b")
    shop = build(folder).path
    assert (shop / "volumes/data/a/b").is_dir()
    assert (shop / "volumes/data").stat().st_mtime == 0
    assert "../volumes/data/a/b" in [mount.source for mount in Bundle(shop / "app").config.mounts]


def test_a_symlink_in_a_volume_leads_nowhere(folder: Path) -> None:
    layer = tarball(directory("data"), symlink("data/a", str(folder / "elsewhere")))
    write_archive(folder / "one.tar", layout_files({"1": sample(layer, Cmd=["sh"])}))
    (folder / "elsewhere").mkdir()
    with_part(folder, "a/b")
    with pytest.raises(RequestError, match="a in the volume data is no folder of the image's"):
        build(folder)
    assert list((folder / "elsewhere").iterdir()) == []


@pytest.fixture
def shop(folder: Path) -> Path:
    return build(folder).path


def test_a_project_has_a_bundle_for_each_container(shop: Path) -> None:
    assert sorted(path.name for path in shop.iterdir()) == ["app", "db", "project.json", "volumes", "web-1", "web-2"]
    assert shop.stat().st_mode & 0o7777 == 0o700
    record = ProjectRecord.open(shop)
    assert [bundle.name for bundle in record.bundles] == ["db", "web-1", "web-2", "app"]
    assert all(bundle.digest == Bundle(shop / bundle.name).record.digest for bundle in record.bundles)
    verified = verify(shop)
    assert (verified.document, verified.digest, verified.changes) == ("project.json", record.digest, ())
    assert [verify(shop / bundle.name).changes for bundle in record.bundles] == [()] * 4


def test_a_volume_is_filled_by_the_first_that_has_something_there(shop: Path) -> None:
    volumes = shop / "volumes"
    assert (volumes / "data/mark").read_bytes() == b"of one"  # db starts first, and has nothing at /nowhere
    assert ((volumes / "data").stat().st_uid, (volumes / "data").stat().st_mode & 0o777) == (7, 0o700)
    assert {path.name: list(path.iterdir()) for path in volumes.iterdir() if path.name != "data"} == {
        "empty": [],
        "kept": [],
    }
    sources = [mount.source for mount in Bundle(shop / "web-1").config.mounts if mount.is_bind]
    assert "../volumes/data" in sources


def test_secrets_are_files_of_their_bundle(shop: Path) -> None:
    for name, wanted in {"pw": (5, 0, 0o400), "open": (0, 7, 0o444)}.items():
        secret = shop / f"db/etc/content-run-secrets-{name}"
        status = secret.stat()
        assert secret.read_text() == "secret\n"
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == wanted
    assert (shop / "db").stat().st_mode & 0o777 == 0o700


def test_an_image_is_read_once_for_all_that_are_made_from_it(folder: Path) -> None:
    opened: list[Image] = []
    built = build(folder, opened=opened)
    assert len(built.images) == 2


def test_bundles_of_one_image_have_one_file_of_it(folder: Path) -> None:
    shop = build(folder, rootfs="erofs").path
    inodes = {path.parent.name: path.stat().st_ino for path in shop.glob("*/rootfs.erofs")}
    assert inodes["db"] == inodes["web-1"] == inodes["web-2"] != inodes["app"]
    assert verify(shop).changes == ()
    assert [verify(shop / name).changes for name in inodes] == [()] * 4


def test_each_directory_is_a_bundles_own(shop: Path) -> None:
    places = [shop / name / "rootfs/bin/sh" for name in ("db", "web-1", "web-2")]
    assert len({path.stat().st_ino for path in places}) == 3
    (places[0]).write_bytes(b"changed")
    assert {path.read_bytes() for path in places[1:]} == {b"sh"}


@pytest.mark.parametrize("rootfs", ["dir", "erofs"])
def test_a_second_build_gives_the_same_to_the_last_byte(folder: Path, rootfs: str) -> None:
    first, second = build(folder, rootfs=rootfs).path, build(folder, name="again", rootfs=rootfs).path
    compare_projects(first, second)
    os.utime(second / "web-1/etc/hosts", (5, 5))
    with pytest.raises(DifferenceError, match=r"\./web-1/etc/hosts has first time"):
        compare_projects(first, second)


def test_an_overrides_file_lies_above_what_compose_says(folder: Path) -> None:
    (folder / "web.yaml").write_text("read_only: true\n")
    shop = build(folder, overrides={"web": [str(folder / "web.yaml")]}).path
    assert [
        json.loads((shop / name / "config.json").read_text())["root"].get("readonly") for name in ("web-1", "db")
    ] == [
        True,
        None,
    ]
    with pytest.raises(RequestError, match="--overrides wep: the project has no such service"):
        build(folder, name="other", overrides={"wep": []})


def test_force_replaces_a_project_and_keeps_its_volumes(shop: Path, folder: Path) -> None:
    with pytest.raises(RequestError, match="exists already"):
        build(folder)
    (shop / "volumes/kept/row").write_text("data")
    (shop / "volumes/data/mark").write_text("changed")
    build(folder, replace=True)
    assert (shop / "volumes/kept/row").read_text() == "data"
    assert (shop / "volumes/data/mark").read_text() == "changed"
    assert verify(shop).changes == ()
    assert not list(folder.glob(".bundler-*"))


def test_data_without_a_place_is_not_lost_unasked(shop: Path, folder: Path) -> None:
    (shop / "volumes/kept/row").write_text("data")
    text = (folder / "compose.yaml").read_text()
    (folder / "compose.yaml").write_text(text.replace("kept:/data", "data:/data"))
    with pytest.raises(RequestError, match="there is data in volumes/kept, and the new project has no place for it"):
        build(folder, replace=True)
    assert (shop / "volumes/kept/row").exists()
    build(folder, replace=True, volumes=OldVolumes.KEPT | OldVolumes.DISCARDED)
    assert not (shop / "volumes/kept").exists()


@pytest.mark.parametrize("there", ["file", "folder", "bundle", "more"])
def test_force_replaces_projects_only(shop: Path, folder: Path, there: str) -> None:
    places = {"file": folder / "pw", "folder": folder / "notes", "bundle": folder / "db", "more": shop}
    (shop / "db").rename(folder / "db")
    (folder / "notes").mkdir()
    (folder / "notes/x").touch()
    (shop / "notes").touch()
    with pytest.raises(RequestError, match="--force replaces projects only"):
        build(folder, name=str(places[there].relative_to(folder)), replace=True)


def test_what_fails_leaves_nothing(folder: Path) -> None:
    before = sorted(folder.iterdir())
    (folder / "other.tar").write_bytes((folder / "other.tar").read_bytes()[:700])
    with pytest.raises(BundlerError):
        build(folder)
    assert sorted(folder.iterdir()) == before


def test_who_waits_for_health_waits_for_a_check(folder: Path) -> None:
    (folder / "c.yaml").write_text(
        f"services:\n  a: {{image: {folder}/one.tar, depends_on: {{b: {{condition: service_healthy}}}}}}\n"
        f"  b: {{image: {folder}/one.tar}}\n"
    )
    with pytest.raises(RequestError, match=r"c\.yaml:2:.*: depends_on: b has no health check to be waited for"):
        build(folder, compose="c.yaml")


def test_a_lock_holds_all_bundles_to_what_they_were_made_from(folder: Path) -> None:
    built = build(folder)
    (folder / "l").write_bytes(describe_project(built.inputs, built.images, built.record.files))
    lock = load_project_lock(folder / "l")
    build(folder, name="again", lock=lock)
    write_archive(folder / "one.tar", layout_files({"1": sample(tarball(file("new", b"")), Cmd=["sh"])}))
    with pytest.raises(DifferenceError, match="the image id"):
        build(folder, name="third", lock=lock)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [("name: shop", "name: shop ", "sha256 of compose.yaml"), ("scale: 2", "scale: 1", "the bundle web is not in it")],
)
def test_a_lock_holds_the_compose_files(folder: Path, old: str, new: str, complaint: str) -> None:
    built = build(folder)
    (folder / "l").write_bytes(describe_project(built.inputs, built.images, built.record.files))
    (folder / "compose.yaml").write_text((folder / "compose.yaml").read_text().replace(old, new))
    with pytest.raises(DifferenceError, match=complaint):
        build(folder, name="again", lock=load_project_lock(folder / "l"))


@pytest.mark.parametrize(
    ("path", "content", "change"),
    [
        ("web-1/etc/hosts", b"x", "changed web-1/etc/hosts"),
        ("web-1/rootfs/bin/sh", b"xx", "changed web-1/rootfs/bin/sh"),
        ("notes", b"x", "extra notes"),
        ("db/bundler.json", b"{}", "changed db/bundler.json"),
        ("volumes/data/more", b"x", None),
    ],
)
def test_a_change_is_told_by_its_path(shop: Path, path: str, content: bytes, change: str | None) -> None:
    (shop / path).write_bytes(content)
    found = [f"{each.what} {each.path}" for each in verify(shop).changes]
    assert found[:1] == ([] if change is None else [change])


def test_a_bundle_that_was_exchanged_for_another_is_seen(shop: Path) -> None:
    (shop / "web-1").rename(shop / "aside")
    (shop / "web-2").rename(shop / "web-1")
    (shop / "aside").rename(shop / "web-2")
    assert [each.path for each in verify(shop).changes] == ["web-1/bundler.json", "web-2/bundler.json"]


def test_what_is_missing_is_told(shop: Path) -> None:
    (shop / "volumes/kept").rmdir()
    assert [(each.what, each.path) for each in verify(shop).changes] == [("missing", "volumes/kept")]
