"""Bundles that `bundler run IMAGE` keeps: found by all that they depend on, and removed when nothing uses them."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.bundle_cache import Cached, collect, find_or_build, place
from bundler.errors import BundlerError, ImageError, RequestError
from bundler.images.platform import Platform
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.one_off import convert
from bundler.request import BuildRequest
from bundler.store.locks import locked
from tests.support.image_files import layout_files, sample, write_archive

LOWEST = 50


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/bundler/bundles"


@pytest.fixture
def asked(tmp_path: Path) -> BuildRequest:
    write_archive(tmp_path / "web.tar", layout_files({"1": sample()}))
    return BuildRequest(
        image=str(tmp_path / "web.tar"), machine=Platform.of("linux", "x86_64"), rootless=True, store=None
    )


def use(request: BuildRequest) -> Cached:
    return find_or_build(request, lowest_descriptor=LOWEST)


def used(request: BuildRequest) -> Cached:
    """As it is when the container has ended."""
    cached = use(request)
    os.close(cached.lock)
    return cached


def test_the_second_run_finds_what_the_first_has_built(asked: BuildRequest, cache: Path) -> None:
    first, second = used(asked), used(asked)
    assert first.built is not None
    assert second.built is None
    assert first.path == second.path
    assert (first.path.name, first.path.parent.parent) == ("web", cache)
    assert (first.path / "config.json").is_file()


def test_a_build_that_fails_leaves_no_entry(asked: BuildRequest, cache: Path) -> None:
    with pytest.raises(RequestError):
        use(with_file(asked, "user: '1000'"))  # one user has one id
    assert list(cache.iterdir()) == []


def test_a_place_that_cannot_be_made_is_told_with_the_variable_that_names_another(
    asked: BuildRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}/web.tar/cache")
    with pytest.raises(BundlerError, match=f"bundles cannot be kept in {tmp_path}/web.tar/cache/bundler: ") as refused:
        use(asked)
    assert refused.value.hint == "XDG_CACHE_HOME names another place"


def with_file(request: BuildRequest, text: str) -> BuildRequest:
    path = Path(str(request.image)).with_name("o.yaml")
    path.write_text(text)
    return replace(request, overrides=(path,))


def with_flag(request: BuildRequest, value: str) -> BuildRequest:
    return replace(request, settings=convert([("env", value)], Client()))


CHANGES: dict[str, Callable[[BuildRequest], BuildRequest]] = {
    "overrides": lambda request: with_file(request, "read_only: true"),
    "other overrides": lambda request: with_file(request, "read_only: false"),
    "a file that overrides name": lambda request: with_file(request, "env_file: o.env"),
    "a flag": lambda request: with_flag(request, "A=1"),
    "another flag": lambda request: with_flag(request, "A=2"),
    "ids": lambda request: replace(request, caller=(4711, 4711)),
    "target": lambda request: with_file(request, "target: {kernel: '6.1'}"),
}


def test_what_a_bundle_depends_on_gives_another_one(asked: BuildRequest, tmp_path: Path) -> None:
    (tmp_path / "o.env").write_text("A=1\n")
    found = [used(asked).path, *(used(change(asked)).path for change in CHANGES.values())]
    (tmp_path / "o.env").write_text("A=2\n")
    found.append(used(CHANGES["a file that overrides name"](asked)).path)
    write_archive(tmp_path / "web.tar", layout_files({"1": sample(Cmd=["other"])}))
    found.append(used(asked).path)
    assert len(set(found)) == len(found)


def test_two_at_once_build_one(asked: BuildRequest) -> None:
    made: list[Cached] = []
    threads = [threading.Thread(target=lambda: made.append(used(asked))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({cached.path for cached in made}) == 1
    assert [cached.built is not None for cached in made].count(True) == 1


def test_a_build_that_fails_leaves_no_bundle(asked: BuildRequest, cache: Path) -> None:
    with pytest.raises(RequestError):
        used(with_file(asked, "user: nobody-there"))
    assert not list(cache.glob("*/web"))
    assert collect() == 0
    assert not list(cache.iterdir())
    with pytest.raises(ImageError):
        used(replace(asked, image="/nowhere/at/all.tar"))


def test_its_user_alone_can_look_into_it(asked: BuildRequest, cache: Path) -> None:
    path = used(asked).path
    for folder in (path, path.parent, cache, cache.parent):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_change_holds_no_cache(
    asked: BuildRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    with pytest.raises(RequestError, match="no safe place"):
        used(asked)


def test_a_relative_place_is_ignored_as_xdg_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert place() == Path.home() / ".cache/bundler/bundles"


def test_what_is_in_use_stays_and_the_rest_is_removed(asked: BuildRequest, cache: Path) -> None:
    running, ended = use(asked), used(with_flag(asked, "A=1"))
    assert running.lock >= LOWEST
    assert os.get_inheritable(running.lock)
    assert collect() == 1
    assert (running.path.is_dir(), ended.path.exists()) == (True, False)
    os.close(running.lock)
    assert collect() == 1
    assert not list(cache.iterdir())
    assert collect() == 0


def test_only_what_is_the_caches_own_is_removed(asked: BuildRequest, cache: Path) -> None:
    used(asked)
    (cache / "notes").mkdir()
    (cache / "file").touch()
    (cache / ".0123").mkdir()  # left by a removal that was killed
    assert collect() == 1
    assert sorted(path.name for path in cache.iterdir()) == ["file", "notes"]


def test_what_is_removed_while_a_run_waits_for_it_is_built_anew(asked: BuildRequest, cache: Path) -> None:
    entry = used(asked).path.parent
    found: list[Cached] = []
    waiting = threading.Thread(target=lambda: found.append(used(asked)))
    with locked(entry / "lock", exclusive=True):
        waiting.start()
        entry.rename(cache / "gone")
    waiting.join()
    assert found[0].path == entry / "web"
    assert found[0].built is not None
    assert (entry / "web/config.json").is_file()


def test_without_a_home_there_is_no_cache(asked: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", _no_home)
    assert collect() == 0
    with pytest.raises(RequestError, match="no home directory"):
        used(asked)


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_an_image_without_a_command_is_built_for_who_brings_one(asked: BuildRequest, tmp_path: Path) -> None:
    write_archive(tmp_path / "web.tar", layout_files({"1": sample(Cmd=[])}))
    with pytest.raises(RequestError, match="no command"):
        used(asked)
    first = find_or_build(asked, lowest_descriptor=LOWEST, commanded=True)
    assert (first.path / "config.json").is_file()
    os.close(first.lock)


def test_volumes_that_are_named_are_known_for_what_is_to_be_said_of_them(asked: BuildRequest) -> None:
    settings = convert([("volume", "data:/data"), ("volume", "/srv:/srv"), ("volume", "/any")], Client())
    assert used(replace(asked, settings=settings)).volumes == ("data",)
    assert used(asked).volumes == ()
    assert not used(asked).named_container
    assert used(replace(asked, settings=convert([("name", "web")], Client()))).named_container
