"""`kit.sh upgrade`, `rollback` and `commit`: on a machine without bundler, killed anywhere, all data is there."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.test_upgrade import archive, image, running
from tests.support.command import bundler, call_bundler
from tests.support.kit_steps import NO_DISKS, PROGRAMS, Steps, without_disks
from tests.support.power_cut import make_disk, mounted
from tests.support.runtime import Ended, call
from tests.support.tree import tree

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc")]
SHELLS = {"sh": ["sh"], "busybox": ["busybox", "sh"]}
SLEEP = ("/bin/busybox", "sleep", "1000")
# Calls of programs by which the shell is killed; what is there at all others is known from one run.
KILLED = ((4, "before"), (12, "after"), (20, "before"))


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


FEWER = {"cap_drop": ["KILL"], "environment": {"A": "of the new"}, "volumes": ["/x"]}


@pytest.mark.parametrize("shell", SHELLS)
def test_what_the_new_one_may_do_and_what_does_not_move_along_is_told_first(
    kits: Path, place: Path, shell: str
) -> None:
    folder = place.parents[1]
    (folder / "o.yaml").write_text(json.dumps(FEWER))
    bundler("build", "-q", kits / "new.tar", "--overrides", "o.yaml", "-o", "other", cwd=folder)
    bundler("pack", "other", "--kit", "-o", "other-kit", "--directory", str(place), "--name", "web", cwd=folder)
    rootfs = place / "rootfs"
    (rootfs / "word").write_text("changed by the container")
    (rootfs / os.fsdecode(b"a name|of\xe9 two words")).touch()
    (rootfs / "link").symlink_to("/")
    (rootfs / "data/seed").unlink()
    (rootfs / "folder").mkdir()
    done = kit(folder, "other", "upgrade", shell=shell)
    assert done.exit_code == 0, done.stderr
    lines = done.stderr.splitlines()
    told = [line for line in lines if line.startswith(("kit: old: ", "kit: new: "))]
    assert 'kit: new: /process/env: "A=of the new"' in told
    assert [line for line in told if "CAP_KILL" in line] == [
        f'kit: old: /process/capabilities/{name}: "CAP_KILL"' for name in ("bounding", "effective", "permitted")
    ]
    assert any(line.startswith('kit: new: /mounts/"/x"') for line in told)
    assert not any("CAP_CHOWN" in line or '"/proc"' in line for line in told)
    wrote = f"kit: note: files that the container of {place} wrote outside of its volumes: 4. They stay in {place}.old"
    assert lines.index(f"{wrote}; bundler upgrade would take them along") > lines.index(told[-1])
    again = kit(folder, "other", "upgrade", shell=shell)
    assert (again.exit_code, "kit: old" in again.stderr) == (0, False)


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


@pytest.fixture
def covered(tmp_path: Path) -> Iterator[Path]:
    """A disk whose name has a blank, mounted over another one."""
    disk = tmp_path / "a disk"
    disk.mkdir()
    for _ in range(2):
        subprocess.run(["mount", "-t", "tmpfs", "none", disk], check=True)
    yield disk
    for _ in range(2):
        subprocess.run(["umount", disk], check=True)


def test_a_container_is_seen_wherever_its_disk_is_mounted(kits: Path, place: Path, covered: Path) -> None:
    folder, bundle = place.parents[1], covered / "web"
    assert kit(folder, "old", "-C", str(bundle), "unpack").exit_code == 0
    with running(bundle):
        refused = kit(folder, "new", "-C", str(bundle), "upgrade")
        assert (refused.exit_code, f"a container runs from {bundle}" in refused.stderr) == (2, True)
        done = call_bundler("upgrade", bundle, kits / "new", "--dry-run")
        assert (done.returncode, "a container runs from it" in done.stderr) == (2, True)
    assert kit(folder, "new", "-C", str(bundle), "upgrade").exit_code == 0


def state(folder: Path) -> frozenset[tuple[str, str, str, str]]:
    """All that a killed call leaves, but for times."""
    return frozenset((path, node.type, node.mode, node.content) for path, node in tree(folder).items())


def dumps(folder: Path) -> list[str]:
    """What was dumped, wherever it is."""
    return [path.read_text() for path in (folder / "srv").rglob("dump")]


@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_killed_at_any_step_the_next_call_finishes_it_and_all_data_is_there(place: Path, command: str) -> None:
    folder = place.parents[1]
    if command == "rollback":
        kit(folder, "new", "upgrade")
    quick, steps = without_disks(folder), Steps(folder, ("srv", "units"), state, NO_DISKS)
    older = steps.copied("older")
    # Killed when all was done, the same command is another one.
    outcomes = {"upgrade": ["new"], "rollback": ["old", "new"]}

    def is_finished(again: Ended) -> None:
        assert again.exit_code == 0, again.stderr
        assert dump(place) == "data"
        assert word(place) in outcomes[command]
        kept = f"{word(place)}-kit/units/web.service"
        assert (folder / "units/web.service").read_text() == (folder / kept).read_text()

    words = []
    for copy in steps.kept(lambda env: is_finished(kit(folder, "new", command, env=dict(env)))):
        steps.restore(copy)
        assert dumps(folder).count("data") == 1, copy
        is_finished(kit(folder, "new", command, env=quick))
        words.append(word(place))
    bundler("verify", place)
    assert len(words) > 10
    assert set(words[:-1]) == {outcomes[command][0]}
    for nth, when in KILLED:
        steps.restore(older)
        killed = kit(folder, "new", command, env=steps.killing(nth, when))
        assert killed.exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL), killed.stderr
        assert dumps(folder).count("data") == 1, nth
        is_finished(kit(folder, "new", command, env=quick))


def content(folder: Path) -> str:
    """Of a disk, without its holes."""
    digest = hashlib.sha256()
    with (folder / "disk").open("rb") as stream, suppress(OSError):  # behind the last data
        end = 0
        while True:
            at = os.lseek(stream.fileno(), end, os.SEEK_DATA)
            end = os.lseek(stream.fileno(), at, os.SEEK_HOLE)
            digest.update(b"%d " % at + os.pread(stream.fileno(), end - at, at))
    return digest.hexdigest()


@pytest.mark.tool("mkfs.ext4", "mount")
@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_cut_at_any_step_the_data_is_there(place: Path, command: str) -> None:
    folder = place.parents[1]
    disk = make_disk(folder / "disk")

    def done(environment: Mapping[str, str]) -> None:
        with mounted(disk) as there:
            subprocess.run(["cp", "-a", place, there / "web"], check=True)
            if command == "rollback":
                kit(folder, "new", "-C", str(there / "web"), "upgrade")
            subprocess.run(["sync", "-f", there], check=True)
            assert kit(folder, "new", "-C", str(there / "web"), command, env=dict(environment)).exit_code == 0

    disks = 0
    for copy in Steps(folder, ("disk",), content, PROGRAMS).kept(done):
        with mounted(copy / "disk") as left:
            again = kit(folder, "new", "-C", str(left / "web"), "upgrade")
            waits = "web.old is there from the last upgrade" in again.stderr  # it has been rolled back
            assert again.exit_code == (2 if waits else 0), again.stderr
            assert dump(left / "web") == "data"
        disks += 1
    assert disks > 2  # what is written gets there by a sync
