"""The power fails while images are kept: what the store lists can be built from, and the rest can be fetched again."""

import signal
import subprocess
from collections.abc import Hashable, Iterator
from itertools import count
from pathlib import Path

import pytest

from bundler.store.find import kept
from bundler.store.layout import is_store, open_store
from tests.support.command import bundler, call_bundler
from tests.support.faulty_registry import faulty_registry
from tests.support.image_files import layout_files, sample, write_archive, write_folder
from tests.support.power_cut import after_a_power_cut, make_disk, mounted
from tests.support.strace import killing
from tests.support.tarballs import directory, file, tarball
from tests.support.tree import tree

pytestmark = [pytest.mark.root, pytest.mark.tool("mkfs.ext4", "mount", "skopeo", "strace")]
INSECURE = "--tls-verify=false"
IMAGE = sample(
    tarball(*(file(f"many/{number}", b"x" * 5000) for number in range(300)), directory("data")),
    tarball(file("etc/motd", b"hello\n")),
)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "disk")


@pytest.fixture
def name() -> Iterator[str]:
    """What the image is fetched by."""
    with faulty_registry() as registry:
        registry.add("team/app:1", IMAGE)
        yield registry.name("team/app:1")


def listed(store: Path) -> list[str]:
    if not is_store(store):
        return []
    with open_store(store) as opened:
        return [image.name for image in kept(opened)]


def contents(store: Path) -> Hashable:
    """What is left of a store: if an earlier cut has left as much, it has been looked at."""
    nodes = tree(store) if store.exists() else {}
    return frozenset((path, node.type, node.mode, node.content) for path, node in nodes.items())


def build(store: Path, name: str, output: Path) -> None:
    """From what is in the store alone."""
    bundler("build", "--offline", "--store", store, name, "-o", output)
    assert (output / "rootfs/etc/motd").read_bytes() == b"hello\n"


def test_what_was_fetched_is_whole(tmp_path: Path, disk: Path, name: str) -> None:
    with mounted(disk) as folder:
        bundler("fetch", INSECURE, "--store", folder / "deep/below/store", name)
        with after_a_power_cut(disk) as left:
            build(left / "deep/below/store", name, tmp_path / "b")


def test_what_was_imported_is_whole(tmp_path: Path, disk: Path) -> None:
    archive = write_archive(tmp_path / "images.tar", layout_files({"registry.example/app:1": IMAGE}))
    with mounted(disk) as folder:
        bundler("import", archive, "--store", folder / "deep/store")
        bundler("export", "registry.example/app:1", "--store", folder / "deep/store", "-o", folder / "again.tar")
        with after_a_power_cut(disk) as left:
            build(left / "deep/store", "registry.example/app:1", tmp_path / "b")
            bundler("import", left / "again.tar", "--store", tmp_path / "store")


def test_cut_at_any_step_of_an_import_what_is_listed_is_whole(tmp_path: Path, disk: Path) -> None:
    name = "registry.example/app:1"
    archive = write_archive(tmp_path / "images.tar", layout_files({name: IMAGE}))
    known = set()
    for nth in count(1):
        with mounted(disk) as folder:
            store = folder / f"store-{nth}"
            killed = call_bundler("import", archive, "--store", store, strace=killing("rename", nth))
            with after_a_power_cut(disk) as left:
                if (there := contents(left / store.name)) not in known:
                    known.add(there)
                    if not listed(left / store.name):
                        bundler("import", archive, "--store", left / store.name)
                    build(left / store.name, name, tmp_path / f"{nth}")
        assert killed.returncode in (0, -signal.SIGKILL)
        if killed.returncode == 0:
            assert nth > 1
            break


def test_what_was_removed_does_not_come_back(disk: Path, name: str) -> None:
    with mounted(disk) as folder:
        bundler("fetch", INSECURE, "--store", folder / "store", name)
        bundler("rm", "--store", folder / "store", name)
        with after_a_power_cut(disk) as left:
            assert listed(left / "store") == []


@pytest.mark.tool("umoci")
def test_what_was_repacked_is_whole(tmp_path: Path, disk: Path) -> None:
    with mounted(disk) as folder:
        write_folder(folder / "layout", layout_files({"1": IMAGE}))
        subprocess.run(["sync", "-f", folder], check=True)
        bundler("build", f"oci:{folder}/layout:1", "-o", tmp_path / "b")
        (tmp_path / "b/rootfs/new").write_text("new")
        bundler("repack", tmp_path / "b", f"oci:{folder}/layout:2")
        with after_a_power_cut(disk) as left:
            bundler("build", f"oci:{left}/layout:2", "-o", tmp_path / "again")
    assert (tmp_path / "again/rootfs/new").read_text() == "new"


@pytest.mark.parametrize("call", ["rename", "fsync", "syncfs"])
def test_cut_at_any_step_of_a_fetch_what_is_listed_is_whole(tmp_path: Path, disk: Path, name: str, call: str) -> None:
    fetch = ["fetch", INSECURE, "--store"]
    known = set()
    for nth in count(1):
        with mounted(disk) as folder:
            store = folder / f"store-{nth}"
            killed = call_bundler(*fetch, store, name, strace=killing(call, nth))
            with after_a_power_cut(disk) as left:
                if (there := contents(left / store.name)) not in known:
                    known.add(there)
                    if not listed(left / store.name):
                        bundler(*fetch, left / store.name, name)
                    build(left / store.name, name, tmp_path / f"{nth}")
        assert killed.returncode in (0, -signal.SIGKILL)
        if killed.returncode == 0:
            assert nth > 1
            break
