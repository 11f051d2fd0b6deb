"""A bundle appears at its destination whole, or not at all."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.bundles.replacement import stage as stage_module
from bundler.bundles.replacement import succession
from bundler.bundles.replacement.stage import Stage, open_stage
from bundler.errors import BundlerError, RequestError
from bundler.rootfs.remove import remove_tree
from tests.support.strace import injecting
from tests.support.tree import differences, tree


def fill(stage: Stage, word: str = "new") -> None:
    (stage.bundle / "rootfs").mkdir()
    (stage.bundle / "config.json").write_text(word)


def make_bundle(path: Path, word: str = "old") -> Path:
    (path / "rootfs").mkdir(parents=True)
    (path / "config.json").write_text(word)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_a_published_bundle_is_all_that_remains(tmp_path: Path) -> None:
    with open_stage(tmp_path) as stage:
        fill(stage)
        (stage.workspace / "leftover").write_text("x")
        stage.publish(tmp_path / "bundle", replace=False)
    assert names(tmp_path) == ["bundle"]
    assert (tmp_path / "bundle/config.json").read_text() == "new"


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_the_bundle_is_for_its_owner_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask), open_stage(tmp_path) as stage:
        fill(stage)
        assert stage.workspace.stat().st_mode & 0o7777 == 0o700
        stage.publish(tmp_path / "bundle", replace=False)
    assert (tmp_path / "bundle").stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_build_that_fails_leaves_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    def build() -> None:
        with open_stage(tmp_path) as stage:
            fill(stage)
            raise failure

    with pytest.raises(failure):
        build()
    assert names(tmp_path) == []


def publish_over(destination: Path, *, replace: bool) -> None:
    with open_stage(destination.parent) as stage:
        fill(stage)
        stage.publish(destination, replace=replace)


def test_what_is_at_the_destination_is_not_replaced_unasked(tmp_path: Path) -> None:
    make_bundle(tmp_path / "bundle")
    with pytest.raises(RequestError, match="exists already"):
        publish_over(tmp_path / "bundle", replace=False)
    assert (tmp_path / "bundle/config.json").read_text() == "old"
    assert names(tmp_path) == ["bundle"]


def test_a_replaced_bundle_is_gone_with_its_stage(tmp_path: Path) -> None:
    make_bundle(tmp_path / "bundle")
    publish_over(tmp_path / "bundle", replace=True)
    assert (tmp_path / "bundle/config.json").read_text() == "new"
    assert names(tmp_path) == ["bundle"]


def test_with_replace_a_free_destination_is_taken_as_well(tmp_path: Path) -> None:
    publish_over(tmp_path / "bundle", replace=True)
    assert (tmp_path / "bundle/config.json").read_text() == "new"


@pytest.mark.slow
def test_a_replaced_bundle_is_whole_at_every_moment(tmp_path: Path) -> None:
    """Somebody who reads it all the time sees the old one or the new one, and never nothing."""
    make_bundle(tmp_path / "bundle")
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            try:
                seen.add((tmp_path / "bundle/config.json").read_text())
            except FileNotFoundError:
                seen.add("nothing")

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(10):
        with open_stage(tmp_path) as stage:
            fill(stage, "old" if number % 2 else "new")
            stage.publish(tmp_path / "bundle", replace=True)
    done.set()
    watcher.join()
    assert seen <= {"old", "new"}


@pytest.mark.parametrize("replace", [False, True])
def test_a_file_system_that_cannot_exchange_is_served_by_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    monkeypatch.setattr(succession, "NO_REPLACE", 1 << 20)  # flags that no kernel knows: renameat2 says EINVAL
    monkeypatch.setattr(stage_module, "NO_REPLACE", 1 << 20)
    monkeypatch.setattr(succession, "EXCHANGE", 1 << 21)
    if replace:
        make_bundle(tmp_path / "bundle")
    publish_over(tmp_path / "bundle", replace=replace)
    assert (tmp_path / "bundle/config.json").read_text() == "new"
    assert names(tmp_path) == ["bundle"]


def killed(folder: Path, work: Callable[[Stage], None] = fill) -> Path:
    """The stage that a build leaves which was killed after `work`."""
    child = os.fork()
    if child == 0:
        with open_stage(folder) as stage:
            work(stage)
            os._exit(0)
    os.waitpid(child, 0)
    return next(path for path in folder.iterdir() if path.name.startswith(".bundler-"))


def test_the_stage_of_a_killed_build_is_removed(tmp_path: Path) -> None:
    assert killed(tmp_path).is_dir()
    with open_stage(tmp_path):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("left", [(), ("lock",), ("lock", "workspace")])
def test_a_stage_is_removed_however_little_of_it_is_left(tmp_path: Path, left: tuple[str, ...]) -> None:
    """Its build was killed when it had just begun, or when it was removing the stage; or the power went."""
    stage = killed(tmp_path)
    for path in stage.iterdir():
        if path.name not in left:
            remove_tree(path)
        elif path.name == "lock":
            path.write_text("")
    with open_stage(tmp_path):
        pass
    assert names(tmp_path) == []


def test_the_stage_of_a_running_build_is_left_alone(tmp_path: Path) -> None:
    with open_stage(tmp_path) as running:
        fill(running)
        with open_stage(tmp_path):
            assert (running.bundle / "config.json").exists()
        assert (running.bundle / "config.json").exists()


RANDOM = ".bundler-" + "0" * 32


def of_another_name(folder: Path) -> None:
    killed(folder).rename(folder / RANDOM)


def with_something_else(folder: Path) -> None:
    (killed(folder) / "notes").write_text("mine")


def with_another_lock(folder: Path) -> None:
    (folder / RANDOM).mkdir()
    (folder / RANDOM / "lock").write_text("mine")


FOREIGN: dict[str, Callable[[Path], object]] = {
    "an empty folder": lambda folder: (folder / ".bundler-notes").mkdir(),
    "a folder": lambda folder: make_bundle(folder / ".bundler-notes"),
    "a bundle": lambda folder: make_bundle(folder / RANDOM),
    "a symlink": lambda folder: (folder / RANDOM).symlink_to(make_bundle(folder / "elsewhere")),
    "a file": lambda folder: (folder / RANDOM).write_text("mine"),
    "a fifo": lambda folder: os.mkfifo(folder / RANDOM),
    "a stage of another name": of_another_name,
    "a stage with something else": with_something_else,
    "a folder with a lock": with_another_lock,
    "a stage of another user": lambda folder: os.chown(killed(folder), 1, 1),
}


@pytest.mark.root
@pytest.mark.parametrize("kind", FOREIGN)
def test_what_only_looks_like_a_stage_is_left_alone(tmp_path: Path, kind: str) -> None:
    FOREIGN[kind](tmp_path)
    before = tree(tmp_path)
    with open_stage(tmp_path):
        pass
    assert differences(before, tree(tmp_path)).keys() <= {"."}  # whose time is another one


PUBLISH = """
import sys
from pathlib import Path
from bundler.bundles.replacement.stage import open_stage
from bundler.errors import BundlerError
folder, name = Path(sys.argv[1]), sys.argv[2]
try:
    with open_stage(folder) as stage:
        if name == "file":
            (stage.workspace / "made").touch()
            stage.publish_file(stage.workspace / "made", folder / name, replace=True)
        else:
            (stage.bundle / "config.json").write_text("new")
            stage.publish(folder / name, replace=name == "old")
except BundlerError as error:
    sys.exit(f"{error.what}; {error.hint}")
"""


def publish_where(call: str, error: str, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Publish in a process for which the kernel answers each `call` with `error`."""
    make_bundle(folder / "old")
    command = [*injecting(f"{call}:error={error}"), sys.executable, "-c", PUBLISH, str(folder), name]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.tool("strace")
@pytest.mark.parametrize("name", ["new", "old", "file"])
@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
def test_without_locks_a_build_works_and_leaves_nothing(tmp_path: Path, error: str, name: str) -> None:
    done = publish_where("flock", error, tmp_path, name)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path) == sorted({"old", name})


@pytest.mark.tool("strace")
@pytest.mark.parametrize("error", ["ENOSYS", "EPERM", "EINVAL"])
@pytest.mark.parametrize("call", ["syncfs", "fsync"])
def test_where_a_call_to_sync_is_unknown_a_build_works(tmp_path: Path, call: str, error: str) -> None:
    done = publish_where(call, error, tmp_path, "old")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "old/config.json").read_text() == "new"


@pytest.mark.tool("strace")
@pytest.mark.parametrize(("name", "call"), [("new", "syncfs"), ("old", "syncfs"), ("file", "fsync")])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EDQUOT"])
def test_what_cannot_be_written_out_does_not_appear(tmp_path: Path, name: str, call: str, error: str) -> None:
    """A file system may find out only then that there is no room left, or that its disk is broken."""
    done = publish_where(call, error, tmp_path, name)
    assert done.returncode == 1
    assert done.stderr.startswith(str(tmp_path / name))
    assert ("free some space" in done.stderr) == (error != "EIO")
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old/config.json").read_text() == "old"


@pytest.mark.root
@pytest.mark.tool("strace")
def test_a_folder_that_is_read_only_is_left_alone_with_what_a_killed_build_left(tmp_path: Path) -> None:
    left = killed(tmp_path)
    subprocess.run(["mount", "--bind", "-o", "ro", tmp_path, tmp_path], check=True)
    try:
        with pytest.raises(BundlerError, match="Read-only file system"), open_stage(tmp_path):
            pass
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert names(tmp_path) == [left.name]


def test_a_destination_behind_a_link_is_where_the_link_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    make_bundle(tmp_path / "real/bundle")
    publish_over(tmp_path / "link/bundle", replace=True)
    assert (tmp_path / "real/bundle/config.json").read_text() == "new"
    assert names(tmp_path) == ["link", "real"]
    assert names(tmp_path / "real") == ["bundle"]


def test_a_stage_that_another_build_took_for_abandoned_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between mkdtemp and the lock, a stage looks like that of a killed build."""
    made: list[str] = []

    def flock(descriptor: int, operation: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink().parent
        if not made:
            remove_tree(path)
        made.append(path.name)

    monkeypatch.setattr(fcntl, "flock", flock)
    with open_stage(tmp_path) as stage:
        assert stage.bundle.parent.name == made[1]
    assert len(made) == 2


@pytest.mark.parametrize(("folder", "error"), [("missing", RequestError), ("file", RequestError)])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, folder: str, error: type[BundlerError]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(error, match=r"does not exist|is not a folder"), open_stage(tmp_path / folder):
        pass
