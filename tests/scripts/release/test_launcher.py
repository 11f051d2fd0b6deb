"""What bundler.pyz refuses before it runs a line of bundler."""

import os
import stat
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from release.launcher import UnfitError, cache_folder, check_owner, check_python

HERE = EXTENSION_SUFFIXES[0]


def status(mode: int, owner: int) -> os.stat_result:
    return os.stat_result((stat.S_IFDIR | mode, 0, 0, 0, owner, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o1777])
@pytest.mark.parametrize("owner", [0, os.geteuid()])
def test_a_folder_that_only_root_or_the_user_can_change_is_good(mode: int, owner: int) -> None:
    check_owner(Path("/cache"), status(mode, owner))


@pytest.mark.parametrize(
    ("mode", "owner", "reason"),
    [
        (0o755, os.geteuid() + 1, "/cache belongs to another user, who could change what bundler.pyz runs"),
        (0o1777, os.geteuid() + 1, "/cache belongs to another user, who could change what bundler.pyz runs"),
        (0o777, os.geteuid(), "others may write to /cache, and could change what bundler.pyz runs"),
        (0o775, 0, "others may write to /cache, and could change what bundler.pyz runs"),
    ],
)
def test_a_folder_that_others_can_change_is_refused(mode: int, owner: int, reason: str) -> None:
    with pytest.raises(UnfitError) as refused:
        check_owner(Path("/cache"), status(mode, owner))
    assert refused.value.what == reason


def test_a_python_for_which_there_are_modules_is_good() -> None:
    check_python((".cpython-399-x86_64-linux-gnu.so", HERE))


def test_another_python_is_told_for_which_ones_there_are_modules() -> None:
    with pytest.raises(UnfitError) as refused:
        check_python((".cpython-398-mips-linux-gnu.so", ".cpython-399-mips-linux-gnu.so"))
    assert refused.value.what == (
        f"this Python takes modules for {HERE.strip('.').removesuffix('.so')}, "
        "and bundler.pyz has cpython-398-mips-linux-gnu, cpython-399-mips-linux-gnu"
    )


@pytest.mark.parametrize(
    ("stated", "folder"),
    [(None, "/home/a/.cache/oci-bundler"), ("", "/home/a/.cache/oci-bundler"), ("/var/a", "/var/a/oci-bundler")],
)
def test_the_cache_is_where_the_user_has_it(monkeypatch: pytest.MonkeyPatch, stated: str | None, folder: str) -> None:
    monkeypatch.setenv("HOME", "/home/a")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if stated is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", stated)
    assert str(cache_folder()) == folder


def test_a_relative_cache_folder_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert str(cache_folder()) == "/home/a/.cache/oci-bundler"
