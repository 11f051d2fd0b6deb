"""Bundles for user namespaces, run for real: shifted by root, and built and run by an ordinary user."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.bundles.bundle import Bundle
from bundler.images.platform import Platform
from bundler.pipeline import build
from bundler.repack.repacking import repack
from bundler.request import BuildRequest
from bundler.store.repacked import Destination, History
from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.layouts import layers_above
from tests.support.mount_points import own_mount_points, without
from tests.support.ordinary_user import USER, as_user, folder_of_a_user
from tests.support.runtime import Ended, Name, call, command_of
from tests.support.tarballs import directory, file, tarball
from tests.support.tree import differences, tree

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox"), pytest.mark.usefixtures("documents_in_memory")]
LINUX = Platform.of("linux", "x86_64")
SCRIPT = "id -u; id -g; stat -c '%u:%g %n' / /bin/busybox /etc/hosts /data /data/seed.txt; echo x >/data/new"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the users of a user namespace can get to."""
    with folder_of_a_user() as folder:
        yield folder


def overrides(folder: Path, user: str = "0:0") -> Path:
    path = folder / "overrides.yaml"
    path.write_text(json.dumps({"entrypoint": [], "command": ["/bin/sh", "-c", SCRIPT], "user": user, "group_add": []}))
    return path


@pytest.mark.tool("runc")
def test_a_shifted_bundle_runs_with_the_ids_of_the_image(golden_archives: dict[str, Path], folder: Path) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    bundler("build", image, "--overrides", overrides(folder), "--uid-map", "0:200000:65536", "-o", folder / "b")
    assert (folder / "b").stat().st_mode & 0o7777 == 0o710
    ended = call(["runc", "run", "--bundle", folder / "b", f"shifted-{os.getpid()}"])
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[:7] == [
        "0",
        "0",
        "0:0 /",
        "0:0 /bin/busybox",
        "0:0 /etc/hosts",
        "1001:1002 /data",
        "1001:1002 /data/seed.txt",
    ]
    assert (folder / "b/volumes/data/new").stat().st_uid == 200000
    assert (folder / "b/rootfs/bin/busybox").stat().st_uid == 200000


def run_as_user(runtime: Name, folder: Path) -> Ended:
    """Run the bundle `b` of `folder`, which belongs to USER."""
    *before, program = command_of(runtime)
    drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    home = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    arguments: list[str | Path] = ["--root", folder / "state", "run", "--bundle", folder / "b", "rootless"]
    return call([*before, *drop, program, *arguments], env=os.environ | home, cwd=folder)


@pytest.mark.tool("runc", "crun")
@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_an_ordinary_user_builds_and_runs(golden_archives: dict[str, Path], folder: Path, runtime: Name) -> None:
    image = folder / "image.tar"
    image.write_bytes(golden_archives["docker28"].read_bytes())
    path = overrides(folder)

    def work(name: str) -> None:
        request = BuildRequest(
            image=f"docker-archive:{image}:golden/full:1",
            machine=LINUX,
            overrides=(str(path),),
            rootless=True,
            caller=(os.geteuid(), os.getegid()),
        )
        build(request, folder / name)

    work("first")  # Python's own files may be root's alone, so everything is imported before
    as_user(lambda: work("b"))
    config = json.loads((folder / "b/config.json").read_bytes())
    assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": USER, "size": 1}]
    ended = run_as_user(runtime, folder)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[:5] == ["0", "0", "0:0 /", "0:0 /bin/busybox", "0:0 /etc/hosts"]


@pytest.mark.tool("umoci")
def test_an_ordinary_user_repacks_his_own_bundle(golden_archives: dict[str, Path], folder: Path) -> None:
    layer = tarball(
        file("top"),
        directory("dir", mode=0o3775, owner=(8, 12)),
        *(file(f"dir/{name}") for name in ("a", "b")),
        file("etc/su", b"su", 0o4755, owner=(0, 50)),
    )
    layout = write_folder(folder / "layout", layout_files({"1": sample(layer)}))
    for path in (layout, *layout.rglob("*")):
        os.chown(path, USER, USER)

    def built(tag: str, name: str) -> None:
        caller = (os.geteuid(), os.getegid())
        request = BuildRequest(image=f"oci:{layout}:{tag}", machine=LINUX, rootless=True, caller=caller)
        build(request, folder / name)

    def repacked(name: str, tag: str) -> None:
        repack(Bundle.open(folder / name), Destination(layout, tag), History(None, None, None), take_name=True)

    built("1", "imports")
    (folder / "imports/rootfs/top").write_text("changed")
    repacked("imports", "imports")
    as_user(lambda: built("1", "b"))
    root = folder / "b/rootfs"
    (root / "top").write_text("changed")
    (root / "dir/a").unlink()
    os.setxattr(root / "dir/b", "user.rootlesscontainers", b"\x08\x05\x10\x06")
    (root / "secret").write_text("secret")
    (root / "secret").chmod(0)
    os.chown(root / "secret", USER, USER)
    as_user(lambda: repacked("b", "new"))
    as_user(lambda: built("new", "again"))
    before, after = (
        {name: replace(node, mtime_ns=0) for name, node in tree(path).items()}  # umoci rounds times to seconds
        for path in (root, folder / "again/rootfs")
    )
    assert differences(before, after) == {}
    bundler("build", f"oci:{layout}:new", "-o", folder / "plain")
    own = own_mount_points(folder / "plain")
    owners = {name: node.owner for name, node in without(tree(folder / "plain/rootfs"), own).items()}
    assert owners == {
        ".": (0, 0),
        "dir": (8, 12),
        "dir/b": (5, 6),
        "etc": (0, 0),
        "etc/su": (0, 50),
        "secret": (0, 0),
        "top": (0, 0),
    }
    repacked("b", "by-root")
    assert layers_above(layout, "by-root", 1) == layers_above(layout, "new", 1)


def test_the_bundle_says_nothing_of_its_builder_when_the_map_is_given(
    golden_archives: dict[str, Path], folder: Path
) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    path = overrides(folder)
    documents = []
    for caller in ((0, 0), (4242, 4343)):
        request = BuildRequest(
            image=image, machine=LINUX, overrides=(str(path),), rootless=True, caller=caller, uid_map=("0:1000:1",)
        )
        built = build(request, folder / f"b{caller[0]}")
        names = ("config.json", "bundler.json", "rootfs.mtree")
        documents.append([(built.path / name).read_bytes() for name in names])
    assert documents[0] == documents[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--uid-map", "0:100000"], "--uid-map: '0:100000' is not CONTAINER:HOST:SIZE"),
        (["--uid-map", "0:1:2", "--uid-map", "1:5:2"], "--uid-map: this range overlaps an earlier one"),
        (["--uid-map", "1:100000:1000"], "the id map has no range for the container's root"),
        (["--uid-map", "0:100000:500"], "its user 1001 is in no range of the id map"),
    ],
)
def test_a_map_that_cannot_be_is_refused(
    golden_archives: dict[str, Path], tmp_path: Path, options: list[str], message: str
) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    done = call_bundler("build", image, *options, "-o", tmp_path / "b")
    assert done.returncode in (2, 4)
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_verify_finds_what_changed(golden_archives: dict[str, Path], tmp_path: Path) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    bundler("build", image, "-o", tmp_path / "b")
    assert bundler("verify", tmp_path / "b") == ""
    (tmp_path / "b/rootfs/bin/busybox").chmod(0o4755)
    done = call_bundler("verify", tmp_path / "b")
    assert (done.returncode, done.stdout) == (
        6,
        "changed: ./bin/busybox\n    mode: expected 0755, found 4755\n",
    )
    told = json.loads(call_bundler("verify", "--json", tmp_path / "b").stdout)
    assert told["changes"] == [
        {"path": "./bin/busybox", "what": "changed", "keywords": {"mode": {"expected": "0755", "found": "4755"}}}
    ]
