"""`bundler import`, killed at any moment or on a full disk: the store is as it was, and a second time succeeds."""

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler, installed
from tests.support.image_files import layout_files, legacy_files, sample, write_archive
from tests.support.memory_disk import memory_disk
from tests.support.tarballs import file, tarball

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.tool("umoci")]
NOISE = random.Random(1).randbytes(1_000_000)  # noqa: S311 -- the same each time
IMAGE = sample(*(tarball(file("noise", NOISE[number * 1000 :])) for number in range(12)))
NAME = "registry.example/app:1"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    write_archive(folder / "layout.tar", layout_files({NAME: IMAGE}))
    write_archive(folder / "docker.tar", legacy_files({NAME: IMAGE}))
    write_archive(folder / "other.tar", layout_files({"registry.example/other:1": sample()}))
    return folder


def check(store: Path, archive: Path) -> None:
    """The store has the one image that was there, and takes the other one."""
    listed = json.loads(bundler("images", "--json", "--store", store))["images"]
    assert [one["name"] for one in listed] in (["registry.example/other:1"], [NAME, "registry.example/other:1"])
    bundler("import", archive, "--store", store)
    bundler("rm", NAME, "--store", store)
    bundler("gc", "--store", store)
    known = {digest.replace(":", "/") for digest in listed[-1]["blobs"]}
    assert {str(path.relative_to(store / "blobs")) for path in (store / "blobs").glob("*/*")} == known
    assert sorted(path.name for path in store.iterdir()) == ["blobs", "index.json", "oci-layout"]


@pytest.mark.parametrize("archive", ["layout.tar", "docker.tar"])
@pytest.mark.parametrize("blobs", [4, 9, 16])
def test_a_killed_one_leaves_the_store_as_it_was(archives: Path, tmp_path: Path, archive: str, blobs: int) -> None:
    store = tmp_path / "store"
    bundler("import", archives / "other.tar", "--store", store)
    command = [str(installed()), "import", str(archives / archive), "--store", str(store), "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list((store / "blobs/sha256").iterdir())) < blobs and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    check(store, archives / archive)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory of 4 MB."""
    with memory_disk(tmp_path / "disk", "4m") as folder:
        yield folder


@pytest.mark.tool("mount")
def test_on_a_full_disk_the_store_is_as_it_was(archives: Path, disk: Path) -> None:
    store = disk / "store"
    bundler("import", archives / "other.tar", "--store", store)
    done = call_bundler("import", archives / "layout.tar", "--store", store)
    assert (done.returncode, "no space left" in done.stderr) == (1, True), done.stderr
    assert "--store" in done.stderr
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
    check(store, archives / "layout.tar")
