"""A bundle appears at its destination whole, or not at all."""

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.bundles import stage as stages
from bundler.bundles.stage import Stage, check_destination, open_stage
from bundler.errors import BundlerError, RequestError


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
    for number in range(30):
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
    monkeypatch.setattr(stages, "_UNSUPPORTED", (errno.EINVAL, errno.ENOSYS))
    monkeypatch.setattr(stages, "_NO_REPLACE", 1 << 20)  # flags that no kernel knows: renameat2 says EINVAL
    monkeypatch.setattr(stages, "_EXCHANGE", 1 << 21)
    if replace:
        make_bundle(tmp_path / "bundle")
    publish_over(tmp_path / "bundle", replace=replace)
    assert (tmp_path / "bundle/config.json").read_text() == "new"
    assert names(tmp_path) == ["bundle"]


def test_the_stage_of_a_killed_build_is_removed(tmp_path: Path) -> None:
    make_bundle(tmp_path / ".bundler-killed")
    with open_stage(tmp_path):
        pass
    assert names(tmp_path) == []


def test_the_stage_of_a_running_build_is_left_alone(tmp_path: Path) -> None:
    with open_stage(tmp_path) as running:
        fill(running)
        with open_stage(tmp_path):
            assert (running.bundle / "config.json").exists()
        assert (running.bundle / "config.json").exists()


def test_what_only_looks_like_a_stage_is_left_alone(tmp_path: Path) -> None:
    make_bundle(tmp_path / "elsewhere")
    (tmp_path / ".bundler-link").symlink_to("elsewhere")
    (tmp_path / ".bundler-file").write_text("mine")
    os.mkfifo(tmp_path / ".bundler-fifo")
    with open_stage(tmp_path):
        pass
    assert names(tmp_path) == [".bundler-fifo", ".bundler-file", ".bundler-link", "elsewhere"]
    assert names(tmp_path / "elsewhere") == ["config.json", "rootfs"]


def test_a_stage_that_another_build_took_for_abandoned_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between mkdtemp and the lock, a stage looks like that of a killed build."""
    made: list[str] = []

    def flock(descriptor: int, operation: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not made:
            path.rmdir()
        made.append(path.name)

    monkeypatch.setattr(fcntl, "flock", flock)
    with open_stage(tmp_path) as stage:
        assert stage.bundle.parent.name == made[1]
    assert len(made) == 2


@pytest.mark.parametrize(("folder", "error"), [("missing", RequestError), ("file", RequestError)])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, folder: str, error: type[BundlerError]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(error, match="does not exist"), open_stage(tmp_path / folder):
        pass


def test_a_free_destination_is_fine(tmp_path: Path) -> None:
    check_destination(tmp_path / "free", replace=False)
    check_destination(tmp_path / "free", replace=True)


@pytest.mark.parametrize("kind", ["bundle", "empty"])
def test_force_replaces_bundles_and_empty_directories(tmp_path: Path, kind: str) -> None:
    make_bundle(tmp_path / "bundle")
    (tmp_path / "empty").mkdir()
    check_destination(tmp_path / kind, replace=True)
    with pytest.raises(RequestError, match="exists already"):
        check_destination(tmp_path / kind, replace=False)


@pytest.mark.parametrize("kind", ["home", "project", "file", "link", "dangling"])
def test_force_replaces_nothing_else(tmp_path: Path, kind: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letters").write_text("dear")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/config.json").write_text("{}")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(make_bundle(tmp_path / "bundle"))
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(RequestError, match="--force replaces bundles only"):
        check_destination(tmp_path / kind, replace=True)
    with pytest.raises(RequestError, match="exists already"):
        check_destination(tmp_path / kind, replace=False)


@pytest.mark.parametrize("place", [".", "..", "/", "a/.."])
def test_a_place_that_no_bundle_can_be_moved_to_is_refused_at_once(place: str) -> None:
    with pytest.raises(RequestError, match="cannot be a bundle's place"):
        check_destination(Path(place), replace=True)
