"""`bundler backup` and `bundler restore`: an operator's data as one file, and back, whatever happens meanwhile."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.test_upgrade import archive, image, running
from tests.support.command import bundler, call_bundler
from tests.support.moments import KILLED, check_moments
from tests.support.strace import killing
from tests.support.tarballs import Member, character_device, directory, file, hard_link, symlink, tarball
from tests.support.tree import Node, differences, tree

pytestmark = pytest.mark.root
VOLUMES = ("/data", "/more")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    archive(tmp_path, "image", image("old", *VOLUMES, cmd=("/bin/busybox", "sleep", "1000")))
    bundler("build", "-q", "image.tar", "-o", "b", cwd=tmp_path)
    fill(tmp_path / "b/volumes/data")
    (tmp_path / "b/volumes/more/x").write_text("more")
    return tmp_path / "b"


def fill(volume: Path) -> None:
    """One of everything that a volume can hold."""
    (volume / "closed").mkdir(mode=0o700)
    (volume / "closed/dump").write_bytes(b"data")
    os.link(volume / "closed/dump", volume / "zz")
    (volume / "link").symlink_to("/etc/shadow")
    os.mkfifo(volume / "fifo")
    with (volume / "holes").open("wb") as stream:
        stream.seek(4 << 20)
        stream.write(b"end")
    os.setxattr(volume / "holes", "user.note", b"a\0b")
    (volume / os.fsdecode(b"latin-\xe9")).touch()
    for path, owner in (("closed", 999), ("closed/dump", 3_000_000), ("link", 33), ("seed", 7)):
        os.chown(volume / path, owner, owner, follow_symlinks=False)
    (volume / "closed/dump").chmod(0o6640)
    os.utime(volume / "link", ns=(1, -(10**18) - 5), follow_symlinks=False)
    os.utime(volume, ns=(1, 123456789))


def data(bundle: Path) -> dict[str, Node]:
    """What the volumes hold; that of a directory above them is the bundle's."""
    return {name: node for name, node in tree(bundle / "volumes").items() if name != "."}


def words(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))  # noqa: PTH208


@pytest.mark.parametrize("suffix", [".tar.zst", ".tar.gz", ".tar"])
def test_all_of_it_comes_back_and_the_same_data_gives_the_same_bytes(bundle: Path, suffix: str) -> None:
    before, folder, whole = data(bundle), bundle.parent, tree(bundle)
    made = json.loads(bundler("backup", "b", "-o", f"one{suffix}", "--json", cwd=folder))
    assert made["folders"] == ["volumes/data", "volumes/more"]
    assert (folder / f"one{suffix}").stat().st_mode & 0o777 == 0o600
    bundler("verify", f"one{suffix}", cwd=folder)
    for path in (bundle / "volumes/data/closed", bundle / "volumes/more"):
        shutil.rmtree(path)
    refused = call_bundler("restore", f"one{suffix}", "b", cwd=folder)
    assert (refused.returncode, "there is data in volumes/data" in refused.stderr) == (2, True)
    done = json.loads(bundler("restore", f"one{suffix}", "b", "--force", "--json", cwd=folder))
    assert (done["folders"], done["replaced"]) == (made["folders"], ["volumes/data"])
    assert differences(before, data(bundle)) == {}
    dated = {".", "volumes"}  # what was renamed in a directory dates it
    assert {name for name in differences(whole, tree(bundle)) if name not in dated} == set()
    assert (bundle / "volumes/data/holes").stat().st_blocks < 1 << 10
    bundler("verify", bundle)
    bundler("backup", "b", "-o", f"two{suffix}", cwd=folder)
    assert (folder / f"two{suffix}").read_bytes() == (folder / f"one{suffix}").read_bytes()
    assert words(folder) == ["b", "image.tar", f"one{suffix}", f"two{suffix}"]


def test_a_volume_that_the_backup_does_not_know_stays(bundle: Path) -> None:
    archive(bundle.parent, "less", image("new", "/data"))
    bundler("build", "-q", "less.tar", "-o", "less", cwd=bundle.parent)
    (bundle.parent / "less/volumes/data/mine").write_text("less")
    bundler("backup", "less", "-o", "less.tar.zst", cwd=bundle.parent)
    assert call_bundler("restore", "less.tar.zst", "b", cwd=bundle.parent).returncode == 2
    bundler("restore", "less.tar.zst", "b", "--force", cwd=bundle.parent)
    assert (words(bundle / "volumes/data"), words(bundle / "volumes/more")) == (["mine", "seed"], ["x"])
    bundler("backup", "b", "-o", "b.tar.zst", cwd=bundle.parent)
    refused = call_bundler("restore", "b.tar.zst", "less", "--force", cwd=bundle.parent)
    assert (refused.returncode, "has no place for volumes/more" in refused.stderr) == (2, True)


def test_sockets_and_devices_are_no_data(bundle: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(bundle / "volumes/more/socket"))
    os.mknod(bundle / "volumes/more/null", 0o20666, os.makedev(1, 3))
    done = call_bundler("backup", "b", "-o", "b.tar", cwd=bundle.parent)
    assert (done.returncode, "1 devices were left out" in done.stderr) == (0, True)
    bundler("restore", "b.tar", "b", "--force", cwd=bundle.parent)
    assert words(bundle / "volumes/more") == ["x"]


WRONG: dict[str, tuple[str, ...]] = {
    "a format that a backup has not": ("backup", "b", "-o", "b.squashfs"),
    "a name without a format": ("backup", "b", "-o", "b.dump"),
    "a file that is there": ("backup", "b", "-o", "image.tar"),
    "a place in the bundle": ("backup", "b", "-o", "b/volumes/b.tar"),
    "no bundle": ("backup", "missing", "-o", "b.tar"),
    "a missing backup": ("restore", "missing.tar", "b"),
    "a missing bundle": ("restore", "good.tar", "missing"),
    "a lock": ("verify", "good.tar", "--lock", "bundler.lock"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_request_leaves_nothing_behind(bundle: Path, kind: str) -> None:
    bundler("backup", "b", "-o", "good.tar", cwd=bundle.parent)
    before = data(bundle)
    done = call_bundler(*WRONG[kind], cwd=bundle.parent)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert 1 <= len(done.stderr.splitlines()) <= 2
    assert differences(before, data(bundle)) == {}
    assert words(bundle.parent) == ["b", "good.tar", "image.tar"]


@pytest.mark.parametrize("suffix", [".tar.zst", ".tar.gz", ".tar"])
def test_a_damaged_one_is_found_before_anything_changes(bundle: Path, suffix: str) -> None:
    (bundle / "volumes/data/noise").write_bytes(os.urandom(1 << 16))
    bundler("backup", "b", "-o", f"b{suffix}", cwd=bundle.parent)
    packed, before = bundle.parent / f"b{suffix}", data(bundle)
    whole = packed.read_bytes()
    middle = whole.index(b"backup.mtree") if suffix == ".tar" else len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 64]) + whole[middle + 1 :]
    for broken in (whole[: len(whole) // 2], whole[:-1500], whole[:-600], changed, b""):
        packed.write_bytes(broken)
        for command in (("verify", packed), ("restore", packed, bundle, "--force")):
            assert call_bundler(*command).returncode in (3, 4, 6)
        assert differences(before, data(bundle)) == {}


def hostile(folder: Path, *members: Member, folders: tuple[str, ...] = ("volumes/data",)) -> Path:
    """A backup of these members, with a manifest that is as long as it wants to be right."""
    document = {"format": 1, "owned": True, "folders": folders, "manifest": "sha256:" + "0" * 64}
    ahead = [directory("./", 0o700), file("./backup.json", json.dumps(document)), file("./backup.mtree", "#mtree\n")]
    path = folder / "hostile.tar"
    path.write_bytes(tarball(*ahead, *members))
    return path


D = directory("./volumes/data/")
HOSTILE: dict[str, Callable[[Path], Path]] = {
    "a file beside the folders": lambda f: hostile(f, file("./config.json", "{}")),
    "a name that climbs": lambda f: hostile(f, D, file("./volumes/data/../../../x", "x")),
    "a name twice": lambda f: hostile(f, D, file("./volumes/data/x", "a"), file("./volumes/data/x", "b")),
    "a folder that is a symlink": lambda f: hostile(f, symlink("./volumes/data", "/etc")),
    "a file below a symlink": lambda f: hostile(f, D, symlink("./volumes/data/l", "/"), file("./volumes/data/l/x", "")),
    "a device": lambda f: hostile(f, D, character_device("./volumes/data/null", 1, 3)),
    "a hard link out of it": lambda f: hostile(f, D, hard_link("./volumes/data/x", "./backup.json")),
    "a hard link to the rootfs": lambda f: hostile(f, D, hard_link("./volumes/data/x", "./rootfs/word")),
    "a folder without a directory": lambda f: hostile(f, file("./volumes/data/x", "")),
    "the rootfs as a folder": lambda f: hostile(f, directory("./rootfs/"), folders=("rootfs",)),
    "a folder that climbs": lambda f: hostile(f, directory("./x/"), folders=("../x",)),
    "a folder in a folder": lambda f: hostile(f, directory("./volumes/data/a/"), folders=("volumes/data/a",)),
    "another list of files": lambda f: hostile(f, D, file("./volumes/data/x", "x")),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_no_backup_holds_is_refused(bundle: Path, kind: str) -> None:
    made, before = HOSTILE[kind](bundle.parent), tree(bundle)
    for words in (("verify", made), ("restore", made, bundle, "--force")):
        done = call_bundler(*words)
        assert done.returncode in (2, 3, 4, 6), done.stderr
        assert "Traceback" not in done.stderr
    assert differences(before, tree(bundle)) == {}


@pytest.mark.tool("runc")
def test_what_runs_may_be_backed_up_and_that_is_said_but_nothing_is_restored_below_it(bundle: Path) -> None:
    with running(bundle):
        done = call_bundler("backup", "b", "-o", "b.tar", cwd=bundle.parent)
        assert (done.returncode, "a container runs from it" in done.stderr) == (0, True)
        assert call_bundler("restore", "b.tar", "b", "--force", cwd=bundle.parent).returncode == 2


@pytest.mark.tool("strace")
@pytest.mark.parametrize("call", KILLED["restore"])
def test_killed_anywhere_the_next_command_finds_the_older_or_the_restored_data(bundle: Path, call: str) -> None:
    bundler("backup", "b", "-o", "b.tar", cwd=bundle.parent)
    restored = data(bundle)
    subprocess.run(["cp", "-a", bundle, bundle.with_name("kept")], check=True)
    for name in VOLUMES:
        (bundle.with_name("kept") / f"volumes{name}/older").touch()
    older = data(bundle.with_name("kept"))
    for nth in range(1, 60):
        shutil.rmtree(bundle)
        subprocess.run(["cp", "-a", bundle.with_name("kept"), bundle], check=True)
        restore = ("restore", "b.tar", "b", "--force")
        code = call_bundler(*restore, cwd=bundle.parent, strace=killing(call, nth)).returncode
        assert code in (0, -signal.SIGKILL)
        bundler("verify", bundle)
        there = data(bundle)
        assert there in (older, restored), nth
        if code == 0:
            break
    check_moments(KILLED["restore"][call], nth - 1)


@pytest.mark.tool("strace")
@pytest.mark.parametrize("call", KILLED["backup"])
def test_a_backup_that_was_killed_leaves_no_file_or_a_whole_one(bundle: Path, call: str) -> None:
    for nth in range(1, 60):
        code = call_bundler("backup", "b", "-o", "b.tar", cwd=bundle.parent, strace=killing(call, nth)).returncode
        if (bundle.parent / "b.tar").exists():
            bundler("verify", "b.tar", cwd=bundle.parent)
            (bundle.parent / "b.tar").unlink()
        if code == 0:
            break
    check_moments(KILLED["backup"][call], nth - 1)
