"""`kit.sh upgrade`, `rollback` and `commit`: on a machine without bundler, killed anywhere, all data is there."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.test_upgrade import archive, image, running
from tests.support.command import bundler
from tests.support.power_cut import after_a_power_cut, make_disk, mounted
from tests.support.runtime import Ended, call

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc")]
SHELLS = {"sh": ["sh"], "busybox": ["busybox", "sh"]}
SLEEP = ("/bin/busybox", "sleep", "1000")
# Stands before a program on PATH, and kills the shell that calls it: before or after the nth call of all.
KILLER = """#!/bin/sh
read -r n <"$COUNT"
n=$((n + 1))
echo "$n" >"$COUNT"
[ "$n" = "$NTH" ] || exec /bin/PROGRAM "$@"
[ "$WHEN" = before ] || /bin/PROGRAM "$@"
kill -9 "$PPID"
exit 1
"""


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two kits for one place, which is named relative to where a test puts them: `old` and `new`."""
    folder = tmp_path_factory.mktemp("kits")
    for word, more in (("old", ()), ("new", ("/more",)), ("none", ())):
        volumes = () if word == "none" else ("/data", *more)
        archive(folder, word, image(word, *volumes, cmd=SLEEP))
        bundler("build", "-q", f"{word}.tar", "-o", word, cwd=folder)
    return folder


@pytest.fixture
def place(kits: Path, tmp_path: Path) -> Path:
    """The old bundle, installed, with data in its volume."""
    for word in ("old", "new", "none"):
        where = ("--directory", str(tmp_path / "srv/web"), "--name", "web")
        bundler("pack", kits / word, "--kit", "-o", tmp_path / f"{word}-kit", *where)
    with_old = kit(tmp_path, "old", "install")
    assert with_old.exit_code == 0, with_old.stderr
    fill(tmp_path / "srv/web")
    return tmp_path / "srv/web"


def kit(folder: Path, word: str, *words: str, shell: str = "sh", env: dict[str, str] | None = None) -> Ended:
    units = [] if "commit" in words or "-C" in words else [str(folder / "units")]
    before = ["env", *(f"{name}={value}" for name, value in (env or {}).items())]
    return call([*before, *SHELLS[shell], folder / f"{word}-kit/kit.sh", *words, *units])


def fill(bundle: Path) -> None:
    (bundle / "volumes/data/dump").write_text("data")


def word(bundle: Path) -> str:
    return (bundle / "rootfs/word").read_text()


def dump(bundle: Path) -> str:
    return (bundle / "volumes/data/dump").read_text()


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))  # noqa: PTH208


@pytest.mark.parametrize("shell", SHELLS)
def test_data_is_in_the_new_one_and_back_and_the_old_one_goes_in_the_end(place: Path, shell: str) -> None:
    folder, old_unit = place.parents[1], (place.parents[1] / "units/web.service").read_text()
    inode = (place / "volumes/data").stat().st_ino
    done = kit(folder, "new", "upgrade", shell=shell)
    assert (done.exit_code, done.stdout) == (0, f"{place}\n"), done.stderr
    assert "systemctl daemon-reload && systemctl restart web" in done.stderr
    assert (word(place), dump(place), (place / "volumes/data").stat().st_ino) == ("new", "data", inode)
    assert (word(place.with_name("web.old")), (place / "volumes/more").is_dir()) == ("old", True)
    assert (folder / "units/web.service").read_text() == (folder / "new-kit/units/web.service").read_text()
    again = kit(folder, "new", "upgrade", shell=shell)
    assert (again.exit_code, dump(place)) == (0, "data"), again.stderr
    (place / "volumes/data/dump").write_text("since")
    (place / "volumes/more/x").write_text("more")
    back = kit(folder, "new", "rollback", shell=shell)
    assert (back.exit_code, word(place), dump(place)) == (0, "old", "since"), back.stderr
    assert (folder / "units/web.service").read_text() == old_unit
    refused = kit(folder, "new", "commit", shell=shell)
    assert (refused.exit_code, "volumes/more holds something" in refused.stderr) == (2, True)
    assert kit(folder, "old", "rollback", shell=shell).exit_code == 0
    assert (word(place), dump(place), (place / "volumes/more/x").read_text()) == ("new", "since", "more")
    assert kit(folder, "new", "commit", shell=shell).exit_code == 0
    assert (names(place.parent), dump(place)) == (["web"], "since")
    if shell == "sh":  # busybox restores not all times
        bundler("verify", place)


def test_an_emptied_volume_moves_back_too(place: Path) -> None:
    kit(place.parents[1], "new", "upgrade")
    for path in (place / "volumes/data").iterdir():
        path.unlink()
    assert kit(place.parents[1], "new", "rollback").exit_code == 0
    assert names(place / "volumes/data") == []


def test_data_without_a_place_is_refused_unless_it_is_left(place: Path) -> None:
    folder = place.parents[1]
    refused = kit(folder, "none", "upgrade")
    assert (refused.exit_code, word(place), dump(place)) == (2, "old", "data")
    assert kit(folder, "none", "-l", "upgrade").exit_code == 0
    assert (word(place), dump(place.with_name("web.old"))) == ("none", "data")
    assert kit(folder, "none", "commit").exit_code == 2
    assert kit(folder, "none", "rollback").exit_code == 0
    assert (word(place), dump(place)) == ("old", "data")


def test_what_is_not_there_or_in_the_way_is_said_and_nothing_changes(place: Path) -> None:
    folder = place.parents[1]
    for words in (("rollback",), ("commit",), ("-n", "x", "upgrade"), ("-C", str(folder / "missing"), "upgrade")):
        assert kit(folder, "new", *words).exit_code == 2, words
    (place.with_name("web.new")).mkdir()
    assert kit(folder, "new", "upgrade").exit_code == 2
    place.with_name("web.new").rmdir()
    kit(folder, "new", "upgrade")
    waiting = kit(folder, "none", "upgrade")
    assert (waiting.exit_code, "is there from the last upgrade" in waiting.stderr) == (2, True)
    assert (word(place), dump(place)) == ("new", "data")


def test_a_bundle_that_a_container_runs_from_is_left_alone(place: Path) -> None:
    with running(place):
        refused = kit(place.parents[1], "new", "upgrade")
        assert (refused.exit_code, "systemctl stop web" in refused.stderr, word(place)) == (2, True, "old")
    assert kit(place.parents[1], "new", "upgrade").exit_code == 0


PROGRAMS = {name: name for name in ("cp", "mkdir", "mv", "rm", "sync", "tar", "chmod")}
# Who is killed leaves behind what the kernel knows; only a disk that loses its power has to have it.
NO_DISKS = PROGRAMS | {"sync": "true"}


def killers(folder: Path, programs: Mapping[str, str] = PROGRAMS) -> Path:
    """A folder for PATH, in which the programs count their calls."""
    (folder / "bin").mkdir()
    for name, program in programs.items():
        (folder / "bin" / name).write_text(KILLER.replace("PROGRAM", program))
        (folder / "bin" / name).chmod(0o755)
    return folder / "bin"


def without_disks(folder: Path) -> dict[str, str]:
    """An environment in which no disk is waited for."""
    (folder / "no-disks").mkdir()
    (folder / "no-disks/sync").symlink_to("/bin/true")
    return {"PATH": before_path(folder / "no-disks")}


def before_path(programs: Path) -> str:
    return f"{programs}:{os.environ['PATH']}"


def killing(folder: Path, nth: int, when: str) -> dict[str, str]:
    """The environment in which the shell is killed by its nth call."""
    (folder / "count").write_text("0")
    return {"PATH": before_path(folder / "bin"), "COUNT": str(folder / "count"), "NTH": str(nth), "WHEN": when}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_killed_at_any_step_the_next_call_finishes_it_and_all_data_is_there(
    place: Path, command: str, when: str
) -> None:
    folder = place.parents[1]
    killers(folder, NO_DISKS)
    quick = without_disks(folder)
    if command == "rollback":
        kit(folder, "new", "upgrade")
    for name in ("srv", "units"):
        subprocess.run(["cp", "-a", folder / name, folder / f"{name}-kept"], check=True)
    for nth in range(1, 80):
        for name in ("srv", "units"):
            shutil.rmtree(folder / name)
            subprocess.run(["cp", "-a", folder / f"{name}-kept", folder / name], check=True)
        killed = kit(folder, "new", command, env=killing(folder, nth, when))
        assert killed.exit_code in (0, -signal.SIGKILL, 128 + signal.SIGKILL), killed.stderr
        there = [path for path in place.parent.rglob("dump") if path.read_text() == "data"]
        assert len(there) == 1, nth
        if killed.exit_code:
            again = kit(folder, "new", command, env=quick)
            assert again.exit_code == 0, again.stderr
        assert dump(place) == "data"
        # Killed when all was done, the same command is another one.
        outcomes = {"upgrade": ["new"], "rollback": ["old"] if when == "before" else ["old", "new"]}
        assert word(place) in outcomes[command], nth
        kept = f"{word(place)}-kit/units/web.service"
        assert (folder / "units/web.service").read_text() == (folder / kept).read_text()
        if not killed.exit_code:
            break
    bundler("verify", place)
    assert nth > 10


@pytest.mark.tool("mkfs.ext4", "mount")
@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_cut_at_any_step_the_data_is_there(place: Path, command: str) -> None:
    folder = place.parents[1]
    killers(folder)
    disk = make_disk(folder / "disk")
    for nth in range(1, 80):
        with mounted(disk) as there:
            for name in ("web", "web.old"):
                shutil.rmtree(there / name, ignore_errors=True)
            subprocess.run(["cp", "-a", place, there / "web"], check=True)
            if command == "rollback":
                kit(folder, "new", "-C", str(there / "web"), "upgrade")
            subprocess.run(["sync", "-f", there], check=True)
            killed = kit(folder, "new", "-C", str(there / "web"), command, env=killing(folder, nth, "after"))
            with after_a_power_cut(disk) as left:
                again = kit(folder, "new", "-C", str(left / "web"), "upgrade")
                waits = "web.old is there from the last upgrade" in again.stderr  # it has been rolled back
                assert again.exit_code == (2 if waits else 0), again.stderr
                assert dump(left / "web") == "data"
            kit(folder, "new", "-C", str(there / "web"), "upgrade")
        if not killed.exit_code:
            break
    assert nth > 5
