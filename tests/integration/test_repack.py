"""`bundler repack`: image, bundle, change, repack, build; what comes out is the change and nothing else."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.acls import GROUP, MASK, OTHER, USER, acl
from tests.support.command import bundler, call_bundler, installed
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.layouts import document, layers_above, manifest_named
from tests.support.mount_points import own_mount_points, without
from tests.support.runtime import run_instead
from tests.support.tar_reading import names
from tests.support.tarballs import character_device, directory, file, hard_link, symlink, tarball
from tests.support.tree import Node, differences, tree
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("umoci")]
S = 10**9
CAPABLE = bytes.fromhex("0100000200040000000000000000000000000000")
NAMES = (b"latin-\xe4", b"odd #*?[]\\= name", b"n" * 255)
IMAGE = sample(
    tarball(
        directory("etc", mtime=S),
        file("etc/motd", b"hello\n", mtime=S),
        hard_link("etc/motd2", "etc/motd"),
        file("etc/su", b"su", 0o4755, owner=(0, 50), mtime=S),
        directory("dir", mode=0o3775, owner=(8, 12), mtime=S, xattrs={"user.top": b"1"}),
        file("dir/a", b"a", mtime=S),
        file("dir/b", b"b", mtime=S),
        directory("dir/deep/deeper", mtime=S),
        file("dir/deep/deeper/c", mtime=S),
        directory("becomes-a-file", mtime=S),
        file("becomes-a-file/x", mtime=S),
        file("becomes-a-directory", mtime=S),
        symlink("link", "etc/motd", mtime=S),
    ),
    tarball(directory("dev", mtime=S), character_device("dev/null", 1, 3, mode=0o666, mtime=S), file("top", mtime=S)),
    Healthcheck={"Test": ["CMD", "true"]},
    Volumes={"/dir": {}},
)


def change(root: Path) -> None:
    """One of everything that can happen to a file."""
    (root / "etc/motd").write_text("changed")  # and so is its other name
    (root / "etc/su").chmod(0o755)
    os.setxattr(root / "etc/su", "security.capability", CAPABLE)
    (root / "etc/new").write_text("new")
    os.link(root / "etc/new", root / "etc/new2")
    os.setxattr(
        root / "etc/new", "system.posix_acl_access", acl((USER, 6), (USER, 4, 77), (GROUP, 4), (MASK, 4), (OTHER, 4))
    )
    shutil.rmtree(root / "dir")  # opaque: nothing of what was in it
    (root / "dir").mkdir(mode=0o700)
    (root / "dir/b").write_text("another")
    os.chown(root / "dir/b", 1000, 1001)
    shutil.rmtree(root / "becomes-a-file")
    (root / "becomes-a-file").symlink_to("nowhere")
    (root / "becomes-a-directory").unlink()
    (root / "becomes-a-directory/deep").mkdir(parents=True)
    (root / "top").unlink()
    os.mknod(root / "dev/fifo", 0o10644)
    os.mknod(root / "dev/zero", 0o20666, os.makedev(1, 5))
    with (root / "sparse").open("wb") as sparse:
        sparse.truncate(50 << 20)
        sparse.write(b"begin")
    for name in NAMES:
        (Path(os.fsdecode(os.fsencode(root) + b"/" + name))).write_bytes(name)


def in_seconds(nodes: dict[str, Node]) -> dict[str, Node]:
    """With the times as umoci writes them: Go rounds what has no room in a header."""
    return {name: replace(node, mtime_ns=(node.mtime_ns + S // 2) // S) for name, node in nodes.items()}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "layout", layout_files({"1": IMAGE}))


def build(layout: Path, tag: str, bundle: Path, *options: str) -> Path:
    bundler("build", f"oci:{layout}:{tag}", "-o", bundle, *options)
    return bundle


def test_what_is_built_again_is_what_was_changed(layout: Path, tmp_path: Path) -> None:
    bundle = build(layout, "1", tmp_path / "b", "--umoci-metadata")
    change(bundle / "rootfs")
    before = tree(bundle)
    printed = bundler("repack", bundle, f"oci:{layout}:new", "-m", "why", "--author", "me")
    assert tree(bundle) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "layout"]
    assert sorted(path.name for path in layout.iterdir()) == ["blobs", "index.json", "oci-layout"]

    again = build(layout, "new", tmp_path / "again")
    assert differences(in_seconds(tree(bundle / "rootfs")), in_seconds(tree(again / "rootfs"))) == {}
    subprocess.run(["umoci", "unpack", "--image", f"{layout}:new", tmp_path / "umoci"], check=True, capture_output=True)
    own = own_mount_points(bundle)
    nodes = (without(in_seconds(tree(root)), own) for root in (bundle / "rootfs", tmp_path / "umoci/rootfs"))
    different = differences(*nodes)
    # umoci dates a directory that a whiteout was applied in, and one without an entry, by its own clock.
    assert sorted(different) == []

    manifest = manifest_named(layout, "new")
    config = document(layout, manifest["config"])
    assert config["config"]["Healthcheck"] == {"Test": ["CMD", "true"]}
    assert config["history"] == [{}, {}, {"created_by": "bundler repack", "author": "me", "comment": "why"}]
    assert printed.split()[0] == "new"


def test_only_what_is_different_is_in_the_layer_and_always_the_same_bytes(layout: Path, tmp_path: Path) -> None:
    bundle = build(layout, "1", tmp_path / "b")
    (bundle / "rootfs/dir/deep/deeper/c").write_text("c")
    (bundle / "rootfs/dir/a").unlink()
    os.utime(bundle / "rootfs/dir", (1, 1))
    first = bundler("repack", bundle, f"oci:{layout}:new")
    (layer,) = layers_above(layout, "new", 2)
    assert names(layer) == [b"dir/.wh.a", b"dir/deep/deeper/c"]
    time.sleep(1.1)
    assert bundler("repack", bundle, f"oci:{layout}:new", "--force") == first


def test_an_image_without_changes_is_the_same_image(layout: Path, tmp_path: Path) -> None:
    bundle = build(layout, "1", tmp_path / "b")
    done = call_bundler("repack", bundle, f"oci:{layout}:same")
    listed = json.loads((layout / "index.json").read_bytes())["manifests"]
    assert {entry["digest"] for entry in listed} == {done.stdout.split()[1]}
    assert "nothing was changed" in done.stderr


@pytest.mark.tool("runc")
def test_what_running_leaves_behind_is_no_change(tmp_path: Path) -> None:
    busybox = file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755)
    image = sample(
        tarball(busybox, symlink("var", "data"), directory("data"), directory("other")), Cmd=["/bin/busybox"]
    )
    layout = write_folder(tmp_path / "layout", layout_files({"1": image}))
    (tmp_path / "machine").touch()
    volumes = f"cache:/var/new/cache, '{tmp_path}/machine:/var/machine', '{tmp_path}:/far/down'"
    (tmp_path / "o.yaml").write_text(f"volumes: [{volumes}]\ntmpfs: [/other/tmp]\n")
    bundle = build(layout, "1", tmp_path / "b", f"--overrides={tmp_path / 'o.yaml'}")
    assert (bundle / "rootfs/data/new/cache").is_dir()
    assert not (bundle / "rootfs/data/machine").exists()  # what it is, only the machine that runs it can tell
    assert run_instead(bundle, ["/bin/busybox", "true"]).exit_code == 0
    assert "nothing was changed" in call_bundler("repack", bundle, f"oci:{layout}:2").stderr

    assert run_instead(bundle, ["/bin/busybox", "touch", "/other/file"]).exit_code == 0
    (bundle / "rootfs/etc/hosts").write_text("not empty any more")
    bundler("repack", bundle, f"oci:{layout}:3")
    (layer,) = layers_above(layout, "3", 1)
    assert names(layer) == [b"etc/", b"etc/hosts", b"other/", b"other/file"]


def test_docker_media_types_and_the_store_stay_what_they_are(tmp_path: Path) -> None:
    store = write_folder(tmp_path / "store", layout_files({"example.org/app:1": IMAGE}, docker=True))
    bundle = build(store, "example.org/app:1", tmp_path / "b")
    (bundle / "rootfs/top").write_text("changed")
    done = call_bundler("repack", bundle, "example.org/app:1", "--store", store)
    assert (done.returncode, "--force" in done.stderr) == (2, True)
    env = {"SOURCE_DATE_EPOCH": "86400", "BUNDLER_STORE": str(store)}
    assert call_bundler("repack", bundle, "example.org/app", env=env).returncode == 0
    manifest = manifest_named(store, "example.org/app:latest")
    assert {layer["mediaType"].split(".v")[0] for layer in manifest["layers"]} == {
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    }
    config = document(store, manifest["config"])
    assert (config["created"], config["history"][-1]["created"]) == ("1970-01-02T00:00:00Z", "1970-01-02T00:00:00Z")
    bundler("gc", "--store", store)
    bundler("build", "example.org/app", "--store", store, "--offline", "-o", tmp_path / "again")
    assert (tmp_path / "again/rootfs/top").read_text() == "changed"
    bundler("build", "example.org/app:1", "--store", store, "--offline", "-o", tmp_path / "before")


def test_ids_of_a_user_namespace_are_taken_back(layout: Path, tmp_path: Path) -> None:
    ids = "--uid-map=0:200000:65536"
    bundle = build(layout, "1", tmp_path / "b", ids)
    root = bundle / "rootfs"
    (root / "etc/new").write_text("new")
    os.chown(root / "etc/new", 200005, 200006)
    os.setxattr(root / "etc/new", "security.capability", b"\1\0\0\3" + CAPABLE[4:] + (200000).to_bytes(4, "little"))
    os.setxattr(
        root / "etc/new",
        "system.posix_acl_access",
        acl((USER, 6), (USER, 4, 200077), (GROUP, 4), (MASK, 4), (OTHER, 4)),
    )
    bundler("repack", bundle, f"oci:{layout}:new")
    new = tree(build(layout, "new", tmp_path / "plain") / "rootfs")["etc/new"]
    assert (new.owner, new.xattrs["security.capability"]) == ((5, 6), CAPABLE)
    assert (
        differences(in_seconds(tree(root)), in_seconds(tree(build(layout, "new", tmp_path / "again", ids) / "rootfs")))
        == {}
    )
    os.chown(root / "etc/new", 5, 6)
    done = call_bundler("repack", bundle, f"oci:{layout}:newer")
    assert (done.returncode, "/etc/new" in done.stderr, "user 5" in done.stderr) == (1, True, True)


MISTAKES: list[tuple[str, Callable[[Path], Any], int, str]] = [
    ("oci:layout:new", lambda bundle: (bundle / "rootfs/.wh.x").touch(), 1, ".wh. mean"),
    ("oci:layout:new", lambda bundle: os.setxattr(bundle / "rootfs/top", "user.none", b""), 1, "attribute user.none"),
    (
        "oci:layout:new",
        lambda bundle: os.setxattr(bundle / "rootfs/top", "trusted.overlay.x", b"y"),
        1,
        "overlay's own",
    ),
    ("oci:layout:1", lambda bundle: None, 2, "there already"),
    ("oci:layout", lambda bundle: None, 2, "needs a tag"),
    ("oci:missing:1", lambda bundle: None, 2, "no OCI layout"),
    ("image.tar", lambda bundle: None, 2, "only the store"),
    ("docker://a", lambda bundle: None, 2, "only the store"),
    ("a@sha256:" + "0" * 64, lambda bundle: None, 2, "name a tag"),
    ("a:1", lambda bundle: None, 3, "bundler fetch"),
    ("oci:layout:new", lambda bundle: (bundle / "rootfs.mtree").write_text("#mtree\n"), 6, "rootfs.mtree"),
    ("oci:layout:new", lambda bundle: (bundle / "bundler.json").unlink(), 2, "bundler.json"),
    (
        "oci:layout:new",
        lambda bundle: (bundle / "bundler.json").write_text('{"format": 2, "manifest": ""}'),
        2,
        "names no image",
    ),
    ("oci:layout:new", lambda bundle: (bundle / "config.json").unlink(), 2, "config.json"),
]


def test_a_mistake_is_said_in_a_line_or_two(layout: Path, tmp_path: Path) -> None:
    bundle, store = build(layout, "1", tmp_path / "b"), write_folder(tmp_path / "empty", layout_files({}))
    before = {path: path.read_bytes() for path in layout.rglob("*") if path.is_file()}
    for word, spoil, code, said in MISTAKES:
        spoiled = tmp_path / "spoiled"
        subprocess.run(["cp", "-a", bundle, spoiled], check=True)
        spoil(spoiled)
        done = call_bundler("repack", spoiled, word, "--store", store, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert said in done.stderr
        assert 1 <= len(done.stderr.splitlines()) <= 2
        shutil.rmtree(spoiled)
    assert {path: path.read_bytes() for path in layout.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "empty", "layout"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_repack_that_is_stopped_changes_nothing(layout: Path, tmp_path: Path, number: signal.Signals) -> None:
    bundle = build(layout, "1", tmp_path / "b")
    (bundle / "rootfs/top").write_text("changed")
    slow = tmp_path / "bin/umoci"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\n[ "$1" = --version ] || sleep 20\nexec {shutil.which("umoci")} "$@"\n')
    slow.chmod(0o755)
    before = (layout / "index.json").read_bytes()
    env = os.environ | {"PATH": f"{slow.parent}:{os.environ['PATH']}"}
    command: list[str | Path] = [installed(), "repack", bundle, f"oci:{layout}:new"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        wait_until(lambda: list(tmp_path.glob(".bundler-*/workspace/layout/index.json")))
        running.send_signal(number)
        running.communicate()
    assert (layout / "index.json").read_bytes() == before
    bundler("repack", bundle, f"oci:{layout}:new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "bin", "layout"]
