"""Faults for real: the process dies, the disk fills up, a call fails. Nothing is half made, and a rerun succeeds."""

import errno
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bundler import pipeline
from bundler.errors import BundlerError
from bundler.images.platform import Platform
from bundler.request import BuildRequest
from bundler.rootfs.remove import remove_tree
from tests.support.command import bundler, installed
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.memory_disk import memory_disk
from tests.support.tarballs import character_device, directory, fifo, file, hard_link, symlink, tarball, whiteout
from tests.support.tree import Node, differences, tree
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root
S = 10**9
LOWER = tarball(
    directory("etc", 0o755, mtime=S),
    file("etc/passwd", b"root:x:0:0::/:/bin/sh\n", 0o4644, owner=(1, 2), mtime=S),
    file("etc/old", b"old", xattrs={"user.x": b"1"}),
    symlink("l", "etc", owner=(3, 4)),
    hard_link("h", "etc/passwd"),
    fifo("p"),
    character_device("null", 1, 3),
    *(file(f"many/{number}", b"x" * 5000) for number in range(200)),
)
UPPER = tarball(whiteout("etc/old"), file("l/new", b"new"), whiteout("many/3"), directory("work", owner=(5, 5)))
IMAGE = sample(LOWER, UPPER, WorkingDir="/work/dir", Volumes={"/many": {}}, User="root")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("image") / "image.tar", layout_files({"1": IMAGE}))


@pytest.fixture(scope="module")
def whole(image: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Node]:
    """The bundle as it has to be."""
    path = tmp_path_factory.mktemp("whole") / "bundle"
    bundler("build", str(image), "--output", path)
    return tree(path)


def start(image: Path, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [installed(), "build", str(image), "--output", str(folder / "bundle"), *options]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def interrupted_at(process: subprocess.Popen[bytes], folder: Path, delay: float, number: signal.Signals) -> str:
    """Send a signal `delay` seconds after the build has begun to write; what it says on standard error."""
    wait_until(lambda: os.listdir(folder) or process.poll() is not None, pause=0.001)  # noqa: PTH208 - names are enough
    time.sleep(delay)
    process.send_signal(number)
    return process.communicate()[1].decode()


def delays(seed: int, count: int) -> list[float]:
    """Moments of a build, which takes some tenths of a second; many of them early, where most is begun."""
    moments = random.Random(seed)  # noqa: S311 - the same moments in every run
    return [moments.random() ** 2 * 0.4 for _ in range(count)]


@pytest.mark.parametrize("delay", delays(1, 8))
def test_a_killed_build_leaves_no_half_bundle(
    tmp_path: Path, image: Path, whole: dict[str, Node], delay: float
) -> None:
    interrupted_at(start(image, tmp_path), tmp_path, delay, signal.SIGKILL)
    left = {path.name for path in tmp_path.iterdir()}
    assert all(name == "bundle" or name.startswith(".bundler-") for name in left)
    if "bundle" in left:
        assert tree(tmp_path / "bundle") == whole
    bundler("build", str(image), "--output", tmp_path / "bundle", "--force")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert tree(tmp_path / "bundle") == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
@pytest.mark.parametrize("delay", delays(2, 8))
def test_an_interrupted_build_is_undone_or_done(
    tmp_path: Path, image: Path, whole: dict[str, Node], delay: float, number: signal.Signals
) -> None:
    process = start(image, tmp_path)
    said = interrupted_at(process, tmp_path, delay, number)
    if process.returncode == 0:
        assert tree(tmp_path / "bundle") == whole
        return
    assert process.returncode == 128 + number
    assert len(said.splitlines()) == 1, said
    assert list(tmp_path.iterdir()) == []
    bundler("build", str(image), "--output", tmp_path / "bundle")
    assert tree(tmp_path / "bundle") == whole


@pytest.mark.parametrize("delay", delays(3, 4))
def test_an_interrupted_replacement_leaves_the_old_or_the_new(
    tmp_path: Path, image: Path, whole: dict[str, Node], delay: float
) -> None:
    bundler("build", str(image), "--output", tmp_path / "bundle")
    (tmp_path / "bundle/volumes/many/mine").touch()
    process = start(image, tmp_path, "--force", "--discard-volumes")
    interrupted_at(process, tmp_path / "bundle", delay + 0.2, signal.SIGTERM)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    found = tree(tmp_path / "bundle")
    assert ("volumes/many/mine" in found) == (process.returncode != 0)
    changed = {".", "volumes/many", "volumes/many/mine"}
    assert differences(found, whole).keys() <= changed


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system in memory, of the size that it is last called with."""
    with memory_disk(tmp_path / "disk", "64m") as place:

        def sized(options: str) -> Path:
            subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)
            return place

        yield sized


@pytest.mark.tool("mount")
@pytest.mark.parametrize("size", ["16k", "100k", "400k", "700k"])
def test_a_full_disk_is_left_as_it_was(
    disk: Callable[[str], Path], image: Path, whole: dict[str, Node], size: str
) -> None:
    folder = disk(f"size={size}")
    process = start(image, folder)
    said = process.communicate()[1].decode()
    assert process.returncode == 1, said
    assert "no space" in said.lower() or "disk is full" in said
    assert "Traceback" not in said
    assert list(folder.iterdir()) == []
    bundler("build", str(image), "--output", disk("size=64m") / "bundle")
    assert tree(folder / "bundle") == whole


@pytest.mark.tool("mount")
def test_a_read_only_disk_is_said_to_be_one(disk: Callable[[str], Path], image: Path) -> None:
    folder = disk("ro")
    process = start(image, folder)
    said = process.communicate()[1].decode()
    assert (process.returncode, "Read-only file system" in said) == (1, True), said


def test_a_limit_on_the_size_of_files_is_met_by_a_line(tmp_path: Path, image: Path) -> None:
    command = [installed(), "build", str(image), "--output", str(tmp_path / "bundle")]
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert done.returncode in (1, 4)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert list(tmp_path.iterdir()) == []


# --- every call of the file system, failing once ---

CALLS = [
    *("open", "mkdir", "mknod", "symlink", "link", "unlink", "rmdir", "write", "ftruncate", "lseek"),
    *("chown", "chmod", "setxattr", "utime", "stat", "listdir", "dup", "pread", "scandir"),
]
FAULTS = (errno.EIO, errno.EPERM, errno.ENOSPC)


class Fault:
    """Makes the nth of the calls it is put around fail, once."""

    def __init__(self, nth: int) -> None:
        self.left = nth
        self.code = FAULTS[nth % len(FAULTS)]

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise OSError(self.code, os.strerror(self.code))
            return call(*arguments, **named)

        return counted


def build_with(fault: Fault, image: Path, destination: Path, patch: pytest.MonkeyPatch) -> None:
    request = BuildRequest(image=str(image), machine=Platform.parse("linux/amd64"))
    with patch.context() as context:
        for name in CALLS:
            context.setattr(os, name, fault.around(getattr(os, name)))
        pipeline.build(request, destination)


def test_whichever_call_fails_nothing_is_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lower = tarball(
        directory("d", 0o700, owner=(1, 1)),
        file("d/f", b"x", xattrs={"user.x": b"1"}),
        hard_link("h", "d/f"),
        symlink("l", "d"),
        fifo("p"),
    )
    image = sample(lower, tarball(whiteout("d/f"), file("l/g")), WorkingDir="/w", Volumes={"/d": {}})
    archive = write_archive(tmp_path / "image.tar", layout_files({"1": image}))
    build_with(Fault(0), archive, tmp_path / "whole", monkeypatch)
    whole = tree(tmp_path / "whole")
    folder = tmp_path / "folder"
    folder.mkdir()
    nth, fault = 0, Fault(1)
    while fault.left <= 0 or nth == 0:
        nth += 1
        fault = Fault(nth)
        try:
            build_with(fault, archive, folder / "bundle", monkeypatch)
        except (BundlerError, OSError):
            assert not (folder / "bundle").exists() or tree(folder / "bundle") == whole
        else:
            assert tree(folder / "bundle") == whole
        if (folder / "bundle").exists():
            remove_tree(folder / "bundle")
    assert nth > 100  # calls of one build: none was passed over
    build_with(Fault(0), archive, folder / "bundle", monkeypatch)
    assert [path.name for path in folder.iterdir()] == ["bundle"]
    assert tree(folder / "bundle") == whole
