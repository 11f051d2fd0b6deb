"""A build that fails says so in a line or two, and leaves everything as it was."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler, installed
from tests.support.tree import Node, differences, tree
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox")]

PROJECT = Path(__file__).resolve().parents[2]
HELLO = f"docker-archive:{PROJECT}/testdata/hello-amd64.tar"


def checked(done: subprocess.CompletedProcess[str], exit_code: int) -> str:
    """The message of a failure that is as failures have to be."""
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert 1 <= len(done.stderr.splitlines()) <= 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def flipped(archive: bytes, needle: bytes) -> bytes:
    """`archive` with one bit of the first `needle` changed."""
    at = archive.index(needle)
    return archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a byte of a layer": lambda archive: flipped(archive, b"Hello from a bundle"),
    "a byte of the image config": lambda archive: flipped(archive, b"StopSignal"),
    "a byte of the manifest": lambda archive: flipped(archive, b'"Config"'),
    "cut in the middle of a layer": lambda archive: archive[: archive.index(b"Hello from a bundle")],
    "cut after the first block": lambda archive: archive[:512],
    "nothing": lambda _archive: b"",
    "no archive at all": lambda _archive: b"#!/bin/sh\nexit 0\n" * 100,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_archive_leaves_nothing_behind(tmp_path: Path, damage: str) -> None:
    archive = DAMAGES[damage]((PROJECT / "testdata/hello-amd64.tar").read_bytes())
    (tmp_path / "damaged.tar").write_bytes(archive)
    (tmp_path / "out").mkdir()
    done = call_bundler("build", f"docker-archive:{tmp_path}/damaged.tar", "--output", tmp_path / "out/bundle")
    checked(done, exit_code=3)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_existing_directory_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/mine").write_text("mine")
    message = checked(call_bundler("build", HELLO, "--output", tmp_path / "bundle"), exit_code=2)
    assert str(tmp_path / "bundle") in message
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["mine"]


def test_force_replaces_a_bundle_and_nothing_else(tmp_path: Path) -> None:
    bundler("build", HELLO, "--output", tmp_path / "bundle")
    (tmp_path / "bundle/rootfs/added").write_text("later")
    bundler("build", HELLO, "--output", tmp_path / "bundle", "--force")
    assert not (tmp_path / "bundle/rootfs/added").exists()
    (tmp_path / "home").mkdir()
    (tmp_path / "home/mine").write_text("mine")
    checked(call_bundler("build", HELLO, "--output", tmp_path / "home", "--force"), exit_code=2)
    assert (tmp_path / "home/mine").read_text() == "mine"


def test_a_failed_force_leaves_the_old_bundle(tmp_path: Path) -> None:
    bundler("build", HELLO, "--output", tmp_path / "bundle")
    before = tree(tmp_path)
    (tmp_path / "wrong.yaml").write_text("user: nobody-knows-me\n")
    options: list[str | Path] = ["--output", tmp_path / "bundle", "--force", "--overrides", tmp_path / "wrong.yaml"]
    checked(call_bundler("build", HELLO, *options), exit_code=2)
    (tmp_path / "wrong.yaml").unlink()
    assert without_root_time(differences(before, tree(tmp_path))) == {}


def without_root_time(found: dict[str, tuple[Node | None, Node | None]]) -> dict[str, tuple[Node | None, Node | None]]:
    """Files that came and went do change the time of the folder they were in."""
    return {path: nodes for path, nodes in found.items() if path != "."}


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "terminated"]
)
def test_an_interrupted_build_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, exit_code: int) -> None:
    # The build waits for an archive that never comes, in the middle of its work, for as long as it takes to stop it.
    (tmp_path / "out").mkdir()
    archive = (PROJECT / "testdata/hello-amd64.tar").read_bytes()
    command: list[str | Path] = [installed(), "build", "-", "--output", tmp_path / "out/bundle"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(archive[: len(archive) // 2])
        process.stdin.flush()
        wait_until(lambda: os.listdir(tmp_path / "out") != [])  # noqa: PTH208 - names are enough
        process.send_signal(number)
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (exit_code, b"")
    assert len(stderr.splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_a_killed_build_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    command: list[str | Path] = [installed(), "build", "-", "--output", tmp_path / "bundle"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(lambda: os.listdir(tmp_path) != [])  # noqa: PTH208 - names are enough
        process.kill()
        process.communicate()
    assert [path.name for path in tmp_path.iterdir()] != []
    bundler("build", HELLO, "--output", tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


MISTAKES = {
    "no such file": (["build", "docker-archive:missing.tar"], 3),
    "no image given": (["build"], 2),
    "an unknown option": (["build", "--frobnicate"], 2),
    "an unknown transport": (["build", "floppy:/dev/fd0"], 2),
    "a platform that is none": (["build", HELLO, "--platform", "///"], 2),
    "a tag that is not there": (["build", f"{HELLO}:absent:1"], 3),
    "no such overrides file": (["build", HELLO, "--overrides", "missing.yaml"], 2),
    "no such folder for the bundle": (["build", HELLO, "--output", "no/such/folder"], 2),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_its_exit_code_and_writes_nothing(tmp_path: Path, mistake: str) -> None:
    arguments, exit_code = MISTAKES[mistake]
    done = call_bundler(*arguments, cwd=tmp_path)
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
