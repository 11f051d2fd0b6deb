"""Pack, carry, unpack and run, by the command."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bundler, call_bundler, installed
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.runtime import run
from tests.support.tarballs import directory, file, tarball
from tests.support.tree import differences, tree
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root
HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
CIRCUMSTANCES: dict[str, dict[str, Any]] = {
    "another umask": {"umask": 0o077},
    "another locale": {"env": {"LC_ALL": "tr_TR.UTF-8"}},
    "another time zone": {"env": {"TZ": "Pacific/Kiritimati"}},
    "another hash seed": {"env": {"PYTHONHASHSEED": "4242"}},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    bundler("build", HELLO, "-o", "web", "--platform", "linux/amd64", cwd=folder)
    return folder / "web"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that takes a while to be packed."""
    folder = tmp_path_factory.mktemp("large")
    layer = tarball(directory("d"), *(file(f"d/{number}", os.urandom(1 << 20)) for number in range(64)))
    write_archive(folder / "image.tar", layout_files({"1": sample(layer, Cmd=["sh"])}))
    bundler("build", "image.tar", "-o", "large", cwd=folder)
    return folder / "large"


@pytest.mark.tool("mksquashfs", "mkfs.erofs")
@pytest.mark.parametrize("suffix", [".tar.zst", ".tar.gz", ".tar", ".squashfs", ".erofs"])
def test_a_bundle_survives_the_journey(bundle: Path, tmp_path: Path, suffix: str) -> None:
    said = json.loads(bundler("pack", bundle, "-o", f"web{suffix}", "--json", cwd=tmp_path))
    assert said["file"] == f"web{suffix}"
    assert said["size"] == (tmp_path / f"web{suffix}").stat().st_size
    assert bundler("unpack", f"web{suffix}", "-o", "again", cwd=tmp_path) == "again\n"
    assert differences(tree(bundle), tree(tmp_path / "again")) == {}
    assert bundler("verify", tmp_path / "again") == bundler("verify", tmp_path / f"web{suffix}") == ""


def test_a_bundle_and_its_file_are_held_against_a_lock(bundle: Path, tmp_path: Path) -> None:
    bundler("lock", HELLO, "-o", "a.lock", "--platform", "linux/amd64", cwd=tmp_path)
    other = HELLO.with_name("hello-arm64.tar")
    bundler("lock", other, "-o", "b.lock", "--platform", "linux/arm64", cwd=tmp_path)
    bundler("pack", bundle, "-o", tmp_path / "web.tar.gz")
    for packed in (bundle, tmp_path / "web.tar.gz"):
        assert bundler("verify", packed, "--lock", tmp_path / "a.lock") == ""
        refused = call_bundler("verify", packed, "--lock", tmp_path / "b.lock", "--json")
        (change,) = json.loads(refused.stdout)["changes"]
        assert (refused.returncode, change["path"], change["what"]) == (6, "bundler.json", "not as locked")
        assert change["keywords"]["image platform"] == {"expected": "linux/arm64", "found": "linux/amd64"}
    refused = call_bundler("verify", bundle, "--lock", tmp_path / "missing.lock")
    assert (refused.returncode, "bundler lock IMAGE makes a lock" in refused.stderr) == (2, True)


@pytest.mark.tool("runc")
def test_what_was_unpacked_runs(bundle: Path, tmp_path: Path) -> None:
    bundler("pack", bundle, "-o", tmp_path / "web.tar.zst")
    bundler("unpack", tmp_path / "web.tar.zst", "-o", tmp_path / "again")
    bundler("build", HELLO, "-o", "built", "--platform", "linux/amd64", cwd=tmp_path)  # what has run is another bundle
    ended = run(tmp_path / "again")
    assert (ended.exit_code, bool(ended.stdout)) == (0, True)
    assert ended == run(tmp_path / "built")


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_the_file_is_the_same_with(bundle: Path, tmp_path: Path, circumstance: str) -> None:
    usual = json.loads(bundler("pack", bundle, "-o", tmp_path / "a.tar.zst", "--json"))
    other = call_bundler("pack", bundle, "-o", tmp_path / "b.tar.zst", "--json", **CIRCUMSTANCES[circumstance])
    assert json.loads(other.stdout)["sha256"] == usual["sha256"]


def test_failures_are_one_line_and_a_hint(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "noise.tar").write_bytes(os.urandom(5000))
    (tmp_path / "there.tar").touch()
    for words, code in (
        (("pack", bundle, "-o", "web.zip"), 2),
        (("pack", bundle, "-o", "there.tar"), 2),
        (("pack", bundle, "-o", "no/where.tar"), 2),
        (("pack", tmp_path, "-o", "web.tar"), 2),
        (("pack", bundle), 2),
        (("unpack", "missing.tar", "-o", "b"), 2),
        (("unpack", "noise.tar", "-o", "b"), 3),
        (("unpack", "noise.tar", "-o", "b", "--limit", "x=1"), 2),
    ):
        done = call_bundler(*words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["noise.tar", "there.tar"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_interrupted_pack_leaves_nothing_for_long(large: Path, tmp_path: Path, number: int, code: int) -> None:
    command: list[str | Path] = [installed(), "pack", large, "-o", tmp_path / "large.tar.zst", "--level", "19"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        wait_until(lambda: list(tmp_path.glob(".bundler-*/workspace/large.tar.zst")))
        running.send_signal(number)
        running.communicate()
    assert running.returncode == code
    assert not (tmp_path / "large.tar.zst").exists()
    assert bool(list(tmp_path.iterdir())) == (number == signal.SIGKILL)
    bundler("pack", large, "-o", tmp_path / "large.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["large.tar"]


@pytest.mark.tool("mksquashfs", "mkfs.erofs")
@pytest.mark.parametrize(("suffix", "delay"), [(".tar.zst", 0.4), (".squashfs", 0.6), (".erofs", 0.5)])
def test_a_pack_that_is_killed_at_any_moment_leaves_no_half_file(
    large: Path, tmp_path: Path, suffix: str, delay: float
) -> None:
    packed = tmp_path / f"large{suffix}"
    with subprocess.Popen([installed(), "pack", large, "-o", packed], stdout=subprocess.DEVNULL) as running:
        time.sleep(delay)
        running.kill()
    if packed.exists():  # it was done by then
        bundler("verify", packed)
    bundler("pack", large, "-o", packed, "--force")
    assert [path.name for path in tmp_path.iterdir()] == [packed.name]
    bundler("verify", packed)


def test_a_locked_build_is_checked_to_be_reproducible(tmp_path: Path) -> None:
    bundler("lock", HELLO, "--platform", "linux/amd64", cwd=tmp_path)
    words: list[str | Path] = ["build", HELLO, "--platform=linux/amd64", "--locked", "--check-reproducible"]
    assert bundler(*words, "-o", "web", cwd=tmp_path) == "web\n"
    refused = call_bundler("build", HELLO.with_name("hello-arm64.tar"), *words[2:], "-o", "other", cwd=tmp_path)
    assert refused.returncode in (3, 6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundler.lock", "web"]


@pytest.mark.tool("umoci")
def test_what_umoci_unpacks_is_reproducible_too(tmp_path: Path) -> None:
    # The image says nothing of its root, which umoci makes.
    write_archive(tmp_path / "image.tar", layout_files({"1": sample(tarball(file("f", "x")))}))
    bundler("build", "image.tar", "-o", "web", "--unpacker", "umoci", "--check-reproducible", cwd=tmp_path)


def test_a_build_is_checked_to_be_reproducible(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("volumes: [cache:/x]\n")
    words: list[str | Path] = [
        "build",
        HELLO,
        "-o",
        "web",
        "--platform=linux/amd64",
        "--overrides",
        "o.yaml",
        "--check-reproducible",
    ]
    assert bundler(*words, cwd=tmp_path) == "web\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.yaml", "web"]
    refused = call_bundler("build", "-", "-o", "b", "--check-reproducible", cwd=tmp_path)
    assert (refused.returncode, "twice" in refused.stderr) == (2, True)
