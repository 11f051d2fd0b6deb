"""A bundle takes another one's place, and what the volumes hold moves along: killed anywhere, none of it is lost."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bundler.bundles import succession
from bundler.bundles.stage import open_stage
from bundler.bundles.succession import Succession
from bundler.errors import BundlerError
from tests.support.ordinary_user import as_user, folder_of_a_user

CARRIED = ("volumes/a", "volumes/b", "mine")
# In a process of its own: what it does can be killed at any of its calls.
UPGRADE = """
import sys
from pathlib import Path
from bundler.bundles.stage import open_stage
from tests.bundles.test_succession import CARRIED, fill
folder = Path(sys.argv[1])
with open_stage(folder) as stage:
    fill(stage.bundle, "new")
    stage.publish(folder / "b", replace=True, carried=lambda: CARRIED, kept=folder / "b.old")
"""
EXCHANGE = """
import sys
from pathlib import Path
from bundler.bundles.stage import open_stage
from tests.bundles.test_succession import CARRIED
folder = Path(sys.argv[1])
with open_stage(folder) as stage:
    stage.exchange(folder / "b", folder / "b.old", carried=lambda: CARRIED)
"""
REPLACE = """
import sys
from pathlib import Path
from bundler.bundles.stage import open_stage
from tests.bundles.test_succession import CARRIED, fill
folder = Path(sys.argv[1])
with open_stage(folder) as stage:
    fill(stage.bundle, "new")
    stage.publish(folder / "b", replace=True, carried=lambda: CARRIED)
"""


def fill(bundle: Path, word: str) -> None:
    for name in (*CARRIED, "volumes/only"):
        (bundle / name).mkdir(parents=True, exist_ok=True)
        (bundle / name / "file").write_text(word)
    (bundle / "config.json").write_text(word)


def old_bundle(folder: Path) -> Path:
    (folder / "b").mkdir()
    fill(folder / "b", "old")
    return folder / "b"


def old_bundle_and_shell(folder: Path) -> Path:
    """What an upgrade leaves: the bundle with all data, and beside it one that has only what is its own."""
    bundle = old_bundle(folder)
    (folder / "b.old/volumes/only").mkdir(parents=True)
    (folder / "b.old/mine").mkdir()  # an empty folder gives way
    for name in ("volumes/only/file", "config.json"):
        (folder / "b.old" / name).write_text("new")
    return bundle


def words(bundle: Path) -> dict[str, str]:
    return {str(path.relative_to(bundle)): path.read_text() for path in bundle.rglob("*") if path.is_file()}


OLD = dict.fromkeys((*(f"{name}/file" for name in CARRIED), "volumes/only/file", "config.json"), "old")
OWN = {"volumes/only/file": "new", "config.json": "new"}
NEW = OLD | OWN


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))  # noqa: PTH208


def replace(bundle: Path) -> None:
    with open_stage(bundle.parent) as stage:
        fill(stage.bundle, "new")
        stage.publish(bundle, replace=True, carried=lambda: CARRIED)


def test_folders_move_from_the_old_bundle_into_the_new_one(tmp_path: Path) -> None:
    bundle = old_bundle(tmp_path)
    inode = (bundle / "volumes/a").stat().st_ino
    replace(bundle)
    assert words(bundle) == NEW
    assert (bundle / "volumes/a").stat().st_ino == inode  # it was moved and not copied
    assert names(tmp_path) == ["b"]


def next_command(folder: Path) -> None:
    with open_stage(folder):
        pass


CALLS = ["rename", "renameat2", "syncfs", "fsync", "unlinkat", "rmdir"]
NO_EXCHANGE = "inject=renameat2:error=EINVAL"


class Case(NamedTuple):
    """A program, what it begins with, and what may be in the folder after it, by name."""

    program: str
    prepare: Callable[[Path], Path]
    outcomes: tuple[dict[str, dict[str, str]], ...]


OWN_OLD = dict.fromkeys(OWN, "old")
BOTH = ({"b": OLD, "b.old": OWN}, {"b": NEW, "b.old": OWN_OLD})
CASES = {
    "replace": Case(REPLACE, old_bundle, ({"b": OLD}, {"b": NEW})),
    "upgrade": Case(UPGRADE, old_bundle, ({"b": OLD}, {"b": NEW, "b.old": OWN_OLD})),
    "exchange": Case(EXCHANGE, old_bundle_and_shell, BOTH),
}


def all_words(folder: Path) -> dict[str, dict[str, str]]:
    return {name: words(folder / name) for name in names(folder)}


@pytest.mark.tool("strace")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("call", [*CALLS, "rename, no exchange", "unlinkat, no exchange"])
def test_killed_at_any_call_the_old_or_the_new_is_there_with_all_data(tmp_path: Path, call: str, case: str) -> None:
    """Strace kills the process at its nth call; the next command finishes or undoes what that has begun."""
    name, _, without = call.partition(", ")
    for nth in range(1, 80):
        folder = tmp_path / str(nth)
        folder.mkdir()
        CASES[case].prepare(folder)
        kill = ["-e", f"inject={name}:signal=KILL:when={nth}", *(["-e", NO_EXCHANGE] if without else [])]
        program = CASES[case].program
        command = ["strace", "-qq", "-o", "/dev/null", *kill, sys.executable, "-B", "-c", program, str(folder)]
        code = subprocess.run(command, check=False).returncode
        assert code in (0, -signal.SIGKILL)
        next_command(folder)
        assert all_words(folder) in CASES[case].outcomes, nth
        if code == 0:
            break
    assert nth > 1
    assert all_words(tmp_path / str(nth)) == CASES[case].outcomes[-1]


def without_exchange(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(succession, "EXCHANGE", 1 << 21)  # a flag that no kernel knows: renameat2 says EINVAL


@pytest.mark.parametrize("prepare", [lambda _patch: None, without_exchange], ids=["exchange", "two renames"])
@pytest.mark.parametrize("nth", range(4, 7))  # the first three renames put the new one's own aside
def test_where_a_rename_fails_the_data_is_brought_to_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int, prepare: Callable[[pytest.MonkeyPatch], None]
) -> None:
    bundle, calls = old_bundle(tmp_path), []
    rename = Path.rename

    def counted(source: Path, target: Path) -> Path:
        calls.append(source)
        if len(calls) == nth:
            raise OSError(errno.EIO, "it broke")
        return rename(source, target)

    with monkeypatch.context() as patch:
        prepare(patch)
        patch.setattr(Path, "rename", counted)
        with pytest.raises(BundlerError, match="it broke"):
            replace(bundle)
    assert words(bundle) in (OLD, NEW)
    assert names(tmp_path) == ["b"]


def test_a_stage_whose_data_has_no_place_any_more_is_never_removed(tmp_path: Path) -> None:
    bundle, stage = tmp_path / "b", tmp_path / (".bundler-" + "0" * 32)
    stage.mkdir(0o700)
    (stage / "lock").touch()
    fill(stage / "bundle", "old")
    succession.write_journal(stage, Succession(bundle, CARRIED))
    fill(bundle, "somebody's own")
    next_command(tmp_path)
    assert words(stage / "bundle") == OLD
    assert words(bundle)["volumes/a/file"] == "somebody's own"


def test_a_bundle_that_was_removed_meanwhile_comes_back_with_its_data(tmp_path: Path) -> None:
    stage = tmp_path / (".bundler-" + "0" * 32)
    stage.mkdir(0o700)
    (stage / "lock").touch()
    fill(stage / "bundle", "old")
    succession.write_journal(stage, Succession(tmp_path / "b", CARRIED))
    next_command(tmp_path)
    assert names(tmp_path) == ["b"]
    assert words(tmp_path / "b") == OLD


@pytest.mark.root
def test_an_ordinary_users_folder_moves_whatever_its_mode() -> None:
    with folder_of_a_user() as home:

        def work() -> int:
            bundle = old_bundle(home)
            (bundle / "volumes/a").chmod(0o500)
            replace(bundle)
            return (bundle / "volumes/a").stat().st_mode & 0o7777

        assert as_user(work) == 0o500


def test_two_that_replace_one_bundle_at_once_both_keep_its_data(tmp_path: Path) -> None:
    bundle = old_bundle(tmp_path)
    command = [sys.executable, "-c", REPLACE, str(tmp_path)]
    running = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    assert words(bundle) == NEW
    assert names(tmp_path) == ["b"]
