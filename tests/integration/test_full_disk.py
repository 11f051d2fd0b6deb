"""A disk that is full is told as such, with its file system, by every command that writes; nothing is left on it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler, installed

pytestmark = pytest.mark.root
HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
LARGE = 1 << 20  # bytes of the image's file and of the volume's; they do not become fewer by compression
ROOM = "300k"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root filesystem with a large file, a bundle of it, and files made of that bundle."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "rootfs/etc").mkdir(parents=True)
    (folder / "rootfs/etc/large").write_bytes(os.urandom(LARGE))
    (folder / "web.yaml").write_text("command: [/x]\nvolumes: [data:/data]\n")
    bundler("build", "rootfs:rootfs", "--overrides", "web.yaml", "-q", "-o", "web", cwd=folder)
    (folder / "web/volumes/data/large").write_bytes(os.urandom(LARGE))
    bundler("pack", "web", "-q", "-o", "packed.tar.zst", "--as-is", cwd=folder)
    bundler("backup", "web", "-q", "-o", "data.tar", cwd=folder)
    bundler("build", HELLO, "-q", "-o", "hello", cwd=folder)
    subprocess.run(["tar", "-C", folder / "rootfs", "-cf", folder / "rootfs.tar", "."], check=True)
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with little room."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(disk: Path) -> None:
    descriptor = os.open(disk / "filled", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except OSError:
        return
    finally:
        os.close(descriptor)


LARGER_THAN_THE_DISK = {
    "build": "build rootfs:{inputs}/rootfs --overrides {inputs}/web.yaml -q -o new",
    "build an image": "build rootfs:{inputs}/rootfs --overrides {inputs}/web.yaml -q -o new --rootfs erofs",
    "build by umoci": "build rootfs:{inputs}/rootfs --overrides {inputs}/web.yaml -q -o new --unpacker umoci",
    "pack to tar": "pack {inputs}/web --as-is -q -o new.tar",
    "pack to tar.zst": "pack {inputs}/web --as-is -q -o new.tar.zst",
    "pack to squashfs": "pack {inputs}/web --as-is -q -o new.squashfs",
    "pack to erofs": "pack {inputs}/web --as-is -q -o new.erofs",
    "pack a kit": "pack {inputs}/web --as-is -q --kit -o new",
    "unpack": "unpack {inputs}/packed.tar.zst -q -o new",
    "backup": "backup {inputs}/web -q -o new.tar",
}
ON_A_FULL_DISK = {
    "build": "build {hello} -q -o new",
    "build an image": "build {hello} --rootfs erofs -q -o new",
    "build with a lock": "build {hello} -q -o new --lock new.lock",
    "unpack": "unpack {inputs}/packed.tar.zst -q -o new",
    "lock": "lock {hello} -o new.lock",
    "unit": "unit {inputs}/hello -o .",
    "explain": "explain {inputs}/hello --html new.html",
}
WITH_TEMPORARY_FILES = {
    "inspect": "inspect -",
    "config": "config rootfs-tar:- --overrides {inputs}/web.yaml",
    "harden": "harden rootfs:{inputs}/rootfs",
}
TO_STANDARD_OUTPUT = ("inspect {hello}", "config {hello}", "explain {inputs}/hello", "unit {inputs}/hello", "doctor")


def call(line: str, inputs: Path, disk: Path, stdin: bytes = b"") -> str:
    """What is said by a command that fails; it leaves `disk` as it was."""
    before = sorted(disk.rglob("*"))
    words = line.format(inputs=inputs, hello=HELLO).split()
    done = call_bundler(*words, cwd=disk, stdin=stdin, env={"TMPDIR": str(disk)} if stdin or "harden" in line else None)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert sorted(disk.rglob("*")) == before
    return done.stderr


def is_told(said: str, disk: Path, way_out: str) -> bool:
    what, hint = said.splitlines()
    assert what.endswith(f"no space left on the file system at {disk}"), said
    other = f", or choose another disk with {way_out}" if way_out else ""
    return hint == f"bundler: hint: free some space there{other}"


@pytest.mark.parametrize("line", LARGER_THAN_THE_DISK.values(), ids=LARGER_THAN_THE_DISK)
def test_what_does_not_fit_is_told_with_its_file_system(line: str, inputs: Path, disk: Path) -> None:
    assert is_told(call(line, inputs, disk), disk, "-o")


@pytest.mark.parametrize("line", ON_A_FULL_DISK.values(), ids=ON_A_FULL_DISK)
def test_a_disk_that_is_full_already_is_told(line: str, inputs: Path, disk: Path) -> None:
    fill(disk)
    assert is_told(call(line, inputs, disk), disk, "-o")


def test_a_data_volume_that_does_not_fit_is_not_restored(inputs: Path, disk: Path) -> None:
    shutil.copytree(inputs / "hello", disk / "web", symlinks=True)
    (disk / "web.yaml").write_text("volumes: [data:/data]\n")
    bundler("build", HELLO, "--overrides", "web.yaml", "-q", "-o", "web", "--force", cwd=disk)
    assert is_told(call("restore {inputs}/data.tar web", inputs, disk), disk, "")


def test_a_full_disk_is_what_keeps_a_bundle_from_being_upgraded(inputs: Path, disk: Path) -> None:
    bundler("build", HELLO, "-q", "-o", "web", cwd=disk)
    fill(disk)
    assert is_told(call("upgrade web {hello} -q", inputs, disk), disk, "")


@pytest.mark.parametrize("line", WITH_TEMPORARY_FILES.values(), ids=WITH_TEMPORARY_FILES)
def test_temporary_files_are_told_of_as_such(line: str, inputs: Path, disk: Path) -> None:
    stdin = (inputs / "rootfs.tar").read_bytes() if "-" in line.replace(":", " ").split() else b""
    said = call(line, inputs, disk, stdin)
    assert is_told(said, disk, "TMPDIR")


def test_a_full_store_is_told(inputs: Path, disk: Path) -> None:
    fill(disk)
    done = call_bundler("fetch", "127.0.0.1:1/hello", "--retries", "0", "--store", disk / "store")
    assert done.returncode == 1
    assert is_told(done.stderr, disk, "--store")


@pytest.mark.parametrize("line", TO_STANDARD_OUTPUT)
def test_what_cannot_be_printed_is_told(line: str, inputs: Path) -> None:
    words = line.format(inputs=inputs, hello=HELLO).split()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([installed(), *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "bundler: error: standard output: no space left on the file system"
