"""`bundler upgrade`, `rollback` and `upgrade --commit`: what an operator does with a bundle that has data."""

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import Sample, layout_files, sample, write_archive
from tests.support.moments import KILLED, check_moments
from tests.support.strace import killing
from tests.support.tarballs import directory, file, tarball

pytestmark = pytest.mark.root


def image(word: str, *volumes: str, cmd: tuple[str, ...] = ("sh",)) -> Sample:
    layer = tarball(
        directory("bin"),
        file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755),
        directory("data"),
        file("data/seed", word),
        file("word", word),
    )
    return sample(layer, Volumes={volume: {} for volume in volumes}, Cmd=list(cmd))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A bundle whose volume has data."""
    archive(tmp_path, "old", image("old", "/data"))
    bundler("build", "-q", "old.tar", "-o", "b", cwd=tmp_path)
    (tmp_path / "b/volumes/data/dump").write_text("data")
    archive(tmp_path, "new", image("new", "/data"))
    return tmp_path / "b"


def archive(folder: Path, name: str, what: Sample) -> Path:
    return write_archive(folder / f"{name}.tar", layout_files({"1": what}))


def word(bundle: Path) -> str:
    return (bundle / "rootfs/word").read_text()


def dump(bundle: Path) -> str:
    return (bundle / "volumes/data/dump").read_text()


def names(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.startswith((".", "b")))  # noqa: PTH208


NEW: dict[str, Callable[[Path], str]] = {
    "an image": lambda folder: str(folder / "new.tar"),
    "a bundle": lambda folder: made(folder, "", ""),
    "a tar": lambda folder: made(folder, "pack", ".tar"),
    "a compressed tar": lambda folder: made(folder, "pack", ".tar.zst"),
    "a squashfs": lambda folder: made(folder, "pack", ".squashfs"),
    "a kit": lambda folder: made(folder, "pack", ""),
}


def made(folder: Path, command: str = "", suffix: str = "") -> str:
    bundler("build", "-q", "new.tar", "-o", "n", cwd=folder)
    if command:
        bundler(command, "n", "-o", f"packed{suffix}", *([] if suffix else ["--kit"]), cwd=folder)
        return str(folder / f"packed{suffix}")
    return str(folder / "n")


@pytest.mark.tool("mksquashfs")
@pytest.mark.parametrize("kind", NEW)
def test_data_is_in_the_new_one_and_back_and_the_old_one_goes_in_the_end(old: Path, kind: str) -> None:
    new, before = NEW[kind](old.parent), (old / "volumes/data").stat().st_ino
    done = call_bundler("upgrade", old, new)
    assert (done.returncode, done.stdout) == (0, f"{old}\n"), done.stderr
    assert (word(old), dump(old), (old / "volumes/data").stat().st_ino) == ("new", "data", before)
    assert (word(old.with_name("b.old")), (old.with_name("b.old") / "volumes/data").exists()) == ("old", False)
    bundler("verify", old)
    assert "systemctl daemon-reload && systemctl restart b" in done.stderr
    (old / "volumes/data/dump").write_text("written since")
    bundler("rollback", old)
    assert (word(old), dump(old), word(old.with_name("b.old"))) == ("old", "written since", "new")
    bundler("rollback", old)
    assert (word(old), dump(old)) == ("new", "written since")
    bundler("upgrade", old, "--commit")
    assert (word(old), dump(old), names(old.parent)) == ("new", "written since", ["b"])


def test_a_volume_that_was_emptied_since_moves_back_too(old: Path) -> None:
    bundler("upgrade", old, "new.tar", cwd=old.parent)
    for path in (old / "volumes/data").iterdir():
        path.unlink()
    bundler("rollback", old)
    assert list((old / "volumes/data").iterdir()) == []


def test_only_one_upgrade_waits_to_be_settled(old: Path) -> None:
    assert call_bundler("rollback", old).returncode == 2
    assert call_bundler("upgrade", old, "--commit").returncode == 2
    bundler("upgrade", old, "new.tar", cwd=old.parent)
    again = call_bundler("upgrade", old, "new.tar", cwd=old.parent)
    assert (again.returncode, "b.old is there from the last upgrade" in again.stderr) == (2, True)


LOOSER = "cap_add: [SYS_ADMIN]\nenvironment: {A: b}\n"


def test_a_looser_one_is_shown_first_and_refused_unless_that_is_said(old: Path) -> None:
    (old.parent / "o.yaml").write_text(LOOSER)
    words = ("upgrade", old, "new.tar", "--overrides", "o.yaml")
    refused = call_bundler(*words, cwd=old.parent)
    assert (refused.returncode, refused.stdout, word(old), names(old.parent)) == (6, "", "old", ["b"])
    marks = [next((mark for mark in ("looser", "neutral") if mark in line), "") for line in refused.stderr.splitlines()]
    assert marks.index("neutral") > marks.index("looser")
    as_json = call_bundler(*words, "--json", cwd=old.parent)
    assert (as_json.returncode, json.loads(as_json.stdout)["done"]) == (6, False)
    assert "looser" in {each["mark"] for each in json.loads(as_json.stdout)["differences"]}
    done = json.loads(bundler(*words, "--allow-looser", "--json", cwd=old.parent))
    assert (done["done"], done["carried"], done["old"]) == (True, ["volumes/data"], str(old.with_name("b.old")))


def test_a_dry_run_says_all_and_changes_nothing(old: Path) -> None:
    (old / "rootfs/mine").touch()
    (old / "rootfs/word").write_text("changed")
    done = call_bundler("upgrade", old, "new.tar", "--dry-run", cwd=old.parent)
    assert (done.returncode, word(old), names(old.parent)) == (0, "changed", ["b"])
    assert "1 change that the container made in its rootfs moves along: /mine" in done.stderr
    assert "rootfs stays in" in done.stderr


def test_what_was_written_over_an_image_moves_along_and_comes_back(old: Path) -> None:
    shutil.rmtree(old)
    bundler("build", "-q", "old.tar", "--rootfs", "erofs", "-o", "b", cwd=old.parent)
    (old / "upper/rootfs").mkdir(parents=True)
    for name in ("mine", "word"):
        (old / "upper/rootfs" / name).write_text("written")
    bundler("upgrade", old, "new.tar", cwd=old.parent)
    assert (old / "rootfs.erofs").exists()
    assert (old / "upper/rootfs/mine").read_text() == "written"
    assert not (old / "upper/rootfs/word").exists()  # of that there is a newer one
    bundler("rollback", old)
    assert (old / "upper/rootfs/mine").read_text() == "written"
    bundler("upgrade", old, "--commit")
    bundler("upgrade", old, "old.tar", "-e", "A=b", cwd=old.parent)  # the same image, once on the disk
    assert (old / "rootfs.erofs").stat().st_nlink == 2
    (old.parent / "o.yaml").write_text("rootfs: {format: dir}\n")
    bundler("upgrade", old, "--commit")
    bundler("upgrade", old, "new.tar", "--overrides", "o.yaml", cwd=old.parent)
    assert (word(old), (old / "rootfs/mine").read_text()) == ("new", "written")


def test_data_without_a_place_is_refused_or_stays_until_it_is_discarded(old: Path) -> None:
    archive(old.parent, "none", image("new"))
    refused = call_bundler("upgrade", old, "none.tar", cwd=old.parent)
    assert (refused.returncode, "there is data in volumes/data" in refused.stderr, word(old)) == (2, True, "old")
    bundler("upgrade", old, "none.tar", "--leave-data", cwd=old.parent)
    assert (word(old), dump(old.with_name("b.old"))) == ("new", "data")
    assert call_bundler("upgrade", old, "--commit").returncode == 2
    assert dump(old.with_name("b.old")) == "data"
    bundler("rollback", old)
    assert (word(old), dump(old)) == ("old", "data")
    bundler("rollback", old)
    bundler("upgrade", old, "--commit", "--discard-data")
    assert names(old.parent) == ["b"]


def test_data_on_both_sides_is_never_mixed(old: Path) -> None:
    bundler("upgrade", old, "new.tar", cwd=old.parent)
    (old.with_name("b.old") / "volumes/data").mkdir()
    (old.with_name("b.old") / "volumes/data/mine").touch()
    assert call_bundler("rollback", old).returncode == 2
    assert (word(old), dump(old), (old.with_name("b.old") / "volumes/data/mine").exists()) == ("new", "data", True)


def test_what_volumes_hold_stays_with_the_users_it_belongs_to(old: Path) -> None:
    words = ("upgrade", old, "new.tar", "--uid-map", "0:100000:65536", "--allow-looser")
    refused = call_bundler(*words, cwd=old.parent)
    assert (refused.returncode, "belongs to other users" in refused.stderr, word(old)) == (2, True, "old")


WRONG: dict[str, tuple[str, ...]] = {
    "nothing": ("b",),
    "no such bundle": ("missing", "new.tar"),
    "itself": ("b", "b"),
    "an option of a build for a bundle": ("b", "n", "--rootless"),
    "commit with something new": ("b", "new.tar", "--commit"),
    "discard without commit": ("b", "new.tar", "--discard-data"),
    "an empty directory": ("empty", "new.tar"),
    "what is no bundle": ("full", "new.tar"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_request_changes_nothing(old: Path, kind: str) -> None:
    made(old.parent)
    (old.parent / "empty").mkdir()
    (old.parent / "full/x").mkdir(parents=True)
    done = call_bundler("upgrade", *WRONG[kind], cwd=old.parent)
    assert (done.returncode, done.stdout, word(old), dump(old)) == (2, "", "old", "data")
    assert 1 <= len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize("kind", ["a bundle", "a compressed tar", "a kit"])
def test_a_new_one_that_is_not_what_was_built_is_refused(old: Path, kind: str) -> None:
    new = Path(NEW[kind](old.parent))
    if kind == "a bundle":
        (new / "rootfs/word").write_text("tampered")
    else:
        packed = new / "bundle.tar.gz" if new.is_dir() else new
        content = bytearray(packed.read_bytes())
        content[len(content) // 2] ^= 1
        packed.write_bytes(content)
    assert call_bundler("upgrade", old, new).returncode in (3, 6)
    assert (word(old), dump(old), names(old.parent)) == ("old", "data", ["b"])


@contextmanager
def running(bundle: Path) -> Iterator[None]:
    name = f"upgrade-{uuid.uuid4().hex[:12]}"
    subprocess.run(["runc", "run", "--detach", "--bundle", bundle, name], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        yield
    finally:
        subprocess.run(["runc", "delete", "--force", name], check=True)


@pytest.mark.tool("runc")
def test_a_bundle_that_a_container_runs_from_is_left_alone(tmp_path: Path) -> None:
    archive(tmp_path, "old", image("old", "/data", cmd=("/bin/busybox", "sleep", "1000")))
    bundler("build", "-q", "old.tar", "-o", "b", cwd=tmp_path)
    bundler("upgrade", "b", "old.tar", cwd=tmp_path)
    with running(tmp_path / "b"):
        for words in (
            ("upgrade", "b", "--commit"),
            ("rollback", "b"),
            ("build", "old.tar", "-o", "b", "--force", "--keep-volumes"),
        ):
            done = call_bundler(*words, cwd=tmp_path)
            if words[-1] == "--commit":
                assert done.returncode == 0  # that is about the other one
                shutil.copytree(tmp_path / "b", tmp_path / "b.old")
                continue
            assert (done.returncode, "a container runs from it" in done.stderr) == (2, True), words
            assert "systemctl stop b" in done.stderr
    bundler("build", "-q", "old.tar", "-o", "b", "--force", "--keep-volumes", cwd=tmp_path)


@pytest.mark.tool("strace")
@pytest.mark.parametrize("command", ["upgrade", "rollback"])
@pytest.mark.parametrize("call", KILLED["upgrade"])
def test_killed_anywhere_the_next_command_finds_the_old_or_the_new_with_all_data(
    old: Path, command: str, call: str
) -> None:
    made(old.parent)
    for nth in range(1, 40):
        for name in ("b", "b.old"):
            shutil.rmtree(old.with_name(name), ignore_errors=True)
        bundler("build", "-q", "old.tar", "-o", "b", cwd=old.parent)
        (old / "volumes/data/dump").write_text("data")
        (old / "rootfs/mine").write_text("written")
        if command == "rollback":
            bundler("upgrade", old, "n", cwd=old.parent)
        words = [command, "b", *(["n"] if command == "upgrade" else [])]
        code = call_bundler(*words, cwd=old.parent, strace=killing(call, nth)).returncode
        assert code in (0, -signal.SIGKILL)
        if command == "rollback" and code:
            bundler("rollback", old)
        verified = json.loads(call_bundler("verify", old, "--json").stdout)
        assert {change["path"] for change in verified["changes"]} <= {".", "./mine"}
        assert (dump(old), (old / "rootfs/mine").read_text()) == ("data", "written")
        assert word(old) in (["old"] if command == "rollback" else ["old", "new"])
        if code == 0:
            break
    check_moments(KILLED[command][call], nth - 1)
