"""A bundle takes another one's place, and what the volumes hold moves along: killed anywhere, none of it is lost."""

import errno
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.bundles.replacement import succession
from bundler.bundles.replacement.succession import Succession
from bundler.errors import BundlerError
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.replacement import CARRIED, CASES, NEW, OLD, fill, names, next_command, old_bundle, replace, words
from tests.support.strace import injecting


def test_folders_move_from_the_old_bundle_into_the_new_one(tmp_path: Path) -> None:
    bundle = old_bundle(tmp_path)
    inode = (bundle / "volumes/a").stat().st_ino
    replace(tmp_path)
    assert words(bundle) == NEW
    assert (bundle / "volumes/a").stat().st_ino == inode  # it was moved and not copied
    assert names(tmp_path) == ["b"]


CALLS = ["rename", "renameat2", "syncfs", "fsync", "unlinkat", "rmdir"]
NO_EXCHANGE = "renameat2:error=EINVAL"


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
        killed = injecting(f"{name}:signal=KILL:when={nth}", *([NO_EXCHANGE] if without else []))
        code = CASES[case].traced(folder, killed)
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
            replace(tmp_path)
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
            replace(home)
            return (bundle / "volumes/a").stat().st_mode & 0o7777

        assert as_user(work) == 0o500


@pytest.mark.slow
def test_two_that_replace_one_bundle_at_once_both_keep_its_data(tmp_path: Path) -> None:
    bundle = old_bundle(tmp_path)
    running = [subprocess.Popen(CASES["replace"].command(tmp_path)) for _ in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    assert words(bundle) == NEW
    assert names(tmp_path) == ["b"]
