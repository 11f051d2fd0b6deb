"""`bundler lock --check`: whether a locked build would be taken, without one."""

from pathlib import Path

import pytest

from tests.support.command import call_bundler
from tests.support.image_files import docker_files, sample, write_archive


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lock of an image and an overrides file."""
    write_archive(tmp_path / "web.tar", docker_files({"web:1": sample(Cmd=["one"])}))
    (tmp_path / "web.yaml").write_text("image: web.tar\nread_only: true\n")
    assert call_bundler("lock", "--overrides", "web.yaml", cwd=tmp_path).returncode == 0
    return tmp_path


def check(folder: Path, *words: str) -> tuple[int, str]:
    before = (folder / "bundler.lock").read_bytes()
    done = call_bundler("lock", "--check", *words, cwd=folder)
    assert done.stdout == ""
    assert (folder / "bundler.lock").read_bytes() == before
    return done.returncode, done.stderr


def test_what_was_locked_passes_in_silence(folder: Path) -> None:
    assert check(folder, "--overrides", "web.yaml") == (0, "")


def test_overrides_that_have_changed_are_told(folder: Path) -> None:
    (folder / "web.yaml").write_text("image: web.tar\nread_only: false\n")
    code, errors = check(folder, "--overrides", "web.yaml")
    assert code == 6
    assert errors.startswith("bundler: error: bundler.lock: the sha256 of web.yaml is locked as ")
    assert errors.endswith("bundler: hint: if that is what you want, make the lock again with bundler lock\n")


def test_overrides_that_were_forgotten_are_told(folder: Path) -> None:
    code, errors = check(folder, "web.tar")
    assert code == 6
    assert "the number of overrides files is locked as 1, and now is 0" in errors


def test_another_image_is_told(folder: Path) -> None:
    write_archive(folder / "web.tar", docker_files({"web:1": sample(Cmd=["two"])}))
    code, errors = check(folder, "--overrides", "web.yaml")
    assert code == 6
    assert "the image id is locked as sha256:" in errors


def test_a_lock_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = call_bundler("lock", "--check", "web.tar", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "bundler: hint: bundler lock IMAGE makes a lock")
