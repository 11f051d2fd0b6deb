"""The power fails: what a command has made is whole on the disk, and what it was replacing is there until then."""

import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.moments import CUT, check_moments
from tests.support.power_cut import after_a_power_cut, make_disk, mounted
from tests.support.replacement import CASES, names, next_command, words
from tests.support.strace import killing
from tests.support.tarballs import directory, file, tarball
from tests.support.tree import tree

pytestmark = [pytest.mark.root, pytest.mark.tool("mkfs.ext4", "mount", "strace")]
LAYER = tarball(*(file(f"many/{number}", b"x" * 5000) for number in range(300)), directory("data"))
IMAGE = sample(LAYER, Volumes={"/data": {}})
SMALL = sample(tarball(directory("data")), Volumes={"/data": {}})


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "disk")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_archive(tmp_path / "image.tar", layout_files({"1": IMAGE}))


def bundles(folder: Path) -> dict[str, dict[str, str]]:
    return {name: words(folder / name) for name in names(folder) if name != "lost+found"}


def verify(bundle: Path) -> None:
    bundler("verify", bundle)


RESULTS: dict[str, tuple[Callable[[Path, Path], list[str | Path]], Callable[[Path], object]]] = {
    "pack": (lambda made, disk: ["pack", made, "-o", disk / "b.tar.zst"], lambda disk: verify(disk / "b.tar.zst")),
    "squashfs": (
        lambda made, disk: ["pack", made, "-o", disk / "b.squashfs"],
        lambda disk: verify(disk / "b.squashfs"),
    ),
    "backup": (lambda made, disk: ["backup", made, "-o", disk / "b.tar.zst"], lambda disk: verify(disk / "b.tar.zst")),
    "lock": (
        lambda made, disk: ["lock", made.parent / "image.tar", "-o", disk / "bundler.lock"],
        lambda disk: bundler(
            "build", disk.parent / "image.tar", "--locked", "--lock", disk / "bundler.lock", "-o", disk / "b"
        ),
    ),
    "kit": (
        lambda made, disk: ["pack", made, "--kit", "-o", disk / "kit"],
        lambda disk: subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=disk / "kit", check=True),
    ),
}


@pytest.mark.parametrize("result", RESULTS)
def test_what_was_made_of_a_bundle_is_whole(tmp_path: Path, disk: Path, image: Path, result: str) -> None:
    arguments, check = RESULTS[result]
    bundler("build", image, "-o", tmp_path / "made")
    with mounted(disk) as folder:
        bundler(*arguments(tmp_path / "made", folder))
        with after_a_power_cut(disk) as left:
            check(left)


def test_what_was_restored_is_whole(tmp_path: Path, disk: Path, image: Path) -> None:
    bundler("build", image, "-o", tmp_path / "made")
    (tmp_path / "made/volumes/data/dump").write_text("data")
    bundler("backup", tmp_path / "made", "-o", tmp_path / "b.tar")
    with mounted(disk) as folder:
        bundler("build", image, "-o", folder / "b")
        bundler("restore", tmp_path / "b.tar", folder / "b")
        with after_a_power_cut(disk) as left:
            verify(left / "b")
            assert tree(left / "b") == tree(folder / "b")
            assert (left / "b/volumes/data/dump").read_text() == "data"


@pytest.mark.parametrize("call", CUT["restore"])
def test_cut_at_any_step_of_a_restoration_the_data_is_that_before_or_after_it(
    tmp_path: Path, disk: Path, call: str
) -> None:
    image = write_archive(tmp_path / "image.tar", layout_files({"1": SMALL}))
    bundler("build", image, "-o", tmp_path / "made")
    (tmp_path / "made/volumes/data/dump").write_text("restored")
    bundler("backup", tmp_path / "made", "-o", tmp_path / "b.tar")
    (tmp_path / "made/volumes/data/dump").write_text("older")
    for nth in range(1, 80):
        with mounted(disk) as folder:
            shutil.rmtree(folder / "b", ignore_errors=True)
            subprocess.run(["cp", "-a", tmp_path / "made", folder / "b"], check=True)
            subprocess.run(["sync", "-f", folder], check=True)
            restore: list[str | Path] = ["restore", tmp_path / "b.tar", folder / "b", "--force"]
            code = call_bundler(*restore, strace=killing(call, nth)).returncode
            assert code in (0, -signal.SIGKILL)
            with after_a_power_cut(disk) as left:
                verify(left / "b")
                word = (left / "b/volumes/data/dump").read_text()
                assert word == "restored" if code == 0 else word in ("older", "restored"), nth
            verify(folder / "b")
        if code == 0:
            break
    check_moments(CUT["restore"][call], nth - 1)


@pytest.mark.parametrize("call", CUT["upgrade of what was written"])
def test_cut_at_any_step_of_an_upgrade_what_was_written_is_there(tmp_path: Path, disk: Path, call: str) -> None:
    image = write_archive(tmp_path / "image.tar", layout_files({"1": SMALL}))
    bundler("build", image, "-o", tmp_path / "made")
    bundler("build", image, "-o", tmp_path / "new")
    (tmp_path / "made/rootfs/mine").write_text("written")
    (tmp_path / "made/volumes/data/dump").write_text("data")
    for nth in range(1, 80):
        with mounted(disk) as folder:
            for name in ("b", "b.old"):
                shutil.rmtree(folder / name, ignore_errors=True)
            subprocess.run(["cp", "-a", tmp_path / "made", folder / "b"], check=True)
            subprocess.run(["sync", "-f", folder], check=True)
            code = call_bundler("upgrade", folder / "b", tmp_path / "new", strace=killing(call, nth)).returncode
            assert code in (0, -signal.SIGKILL)
            with after_a_power_cut(disk) as left:
                call_bundler("verify", left / "b")
                written = [(left / "b" / name).read_text() for name in ("rootfs/mine", "volumes/data/dump")]
                assert written == ["written", "data"], nth
                assert (left / "b.old").exists() or code
            call_bundler("verify", folder / "b")
        if code == 0:
            break
    check_moments(CUT["upgrade of what was written"][call], nth - 1)


def test_units_are_whole(tmp_path: Path, disk: Path, image: Path) -> None:
    bundler("build", image, "-o", tmp_path / "made")
    with mounted(disk) as folder:
        bundler("unit", tmp_path / "made", "-o", folder)
        with after_a_power_cut(disk) as left:
            assert (left / "made.service").read_text() == (folder / "made.service").read_text() != ""


@pytest.mark.parametrize("command", ["build", "unpack"])
@pytest.mark.parametrize("options", [(), ("--force",), ("--force", "--keep-volumes"), ("--force", "--discard-volumes")])
def test_a_bundle_is_whole(tmp_path: Path, disk: Path, image: Path, command: str, options: tuple[str, ...]) -> None:
    source = image
    if command == "unpack":
        bundler("build", image, "-o", tmp_path / "made")
        source = tmp_path / "made.tar"
        bundler("pack", tmp_path / "made", "-o", source)
    with mounted(disk) as folder:
        if options:
            bundler(command, source, "-o", folder / "b")
        if options[1:]:
            (folder / "b/volumes/data/dump").write_text("data")
            subprocess.run(["sync", "-f", folder], check=True)
        bundler(command, source, "-o", folder / "b", *options)
        with after_a_power_cut(disk) as left:
            verify(left / "b")
            assert tree(left / "b") == tree(folder / "b")
            assert (left / "b/volumes/data/dump").exists() == ("--keep-volumes" in options)


COMMANDS = {"upgrade": "upgrade", "exchange": "rollback"}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("call", CUT["upgrade"])
def test_cut_at_any_step_of_a_replacement_the_data_is_there(disk: Path, call: str, case: str) -> None:
    _, prepare, outcomes = CASES[case]
    for nth in range(1, 80):
        with mounted(disk) as folder:
            for name in ("b", "b.old"):
                shutil.rmtree(folder / name, ignore_errors=True)
            prepare(folder)
            subprocess.run(["sync", "-f", folder], check=True)
            code = CASES[case].traced(folder, killing(call, nth))
            assert code in (0, -signal.SIGKILL)
            with after_a_power_cut(disk) as left:
                next_command(left)
                assert bundles(left) in outcomes
            next_command(folder)
        if code == 0:
            break
    check_moments(CUT[COMMANDS[case]][call] if case in COMMANDS else 1, nth - 1)


@pytest.mark.parametrize(
    "next_words",
    [("verify", "B"), ("run", "B", "--dry-run"), ("unit", "B"), ("pack", "B", "-o", "p.tar")],
    ids=lambda words: words[0],
)
def test_a_build_that_was_killed_while_it_carried_volumes_over_is_finished_by_the_next_command(
    tmp_path: Path, image: Path, next_words: tuple[str, ...]
) -> None:
    bundle = tmp_path / "b"
    bundler("build", image, "-o", bundle)
    (bundle / "volumes/data/dump").write_text("data")
    # The first rename sets the new one's own volume aside, the second comes after both have changed places.
    command: list[str | Path] = ["build", image, "-o", bundle, "--force", "--keep-volumes"]
    done = call_bundler(*command, strace=killing("rename", 2))
    assert done.returncode == -signal.SIGKILL
    assert not (bundle / "volumes/data").exists()
    bundler(*("b" if word == "B" else word for word in next_words), cwd=tmp_path)
    assert (bundle / "volumes/data/dump").read_text() == "data"
