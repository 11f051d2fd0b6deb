"""The hooks that this repository offers to pre-commit, in a repository that uses them."""

import os
import subprocess
from pathlib import Path

import pytest

from release.sources import copy_sources
from tests.support.command import bundler
from tests.support.installed_tools import NOT_COMPILED, python_with
from tests.support.outside import outside

pytestmark = [pytest.mark.slow, pytest.mark.tool("git")]
PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = """\
repos:
  - repo: {hooks}
    rev: v1
    hooks:
      - id: bundler-overrides-check
      - id: bundler-lock-check
        args: [--overrides, overrides.yaml]
"""


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def pre_commit(cache: Path) -> Path:
    return python_with("pre-commit>=3", cache, "pre-commit")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One with an image, overrides and a lock, which has the hooks from a clone of this one."""
    hooks, folder = tmp_path / "hooks", tmp_path / "repository"
    for path in (hooks, folder):
        path.mkdir()
        git(path, "init")
    copy_sources(hooks)
    git(hooks, "add", ".")
    git(hooks, "commit", "-m", "all")
    git(hooks, "tag", "v1")
    (folder / ".pre-commit-config.yaml").write_text(SETTINGS.format(hooks=hooks))
    (folder / "hello.tar").write_bytes((PROJECT / "testdata/hello-amd64.tar").read_bytes())
    (folder / "overrides.yaml").write_text("image: hello.tar\nread_only: true\n")
    bundler("lock", "--overrides", "overrides.yaml", cwd=folder)
    git(folder, "add", ".")
    return folder


def test_the_hooks_pass_what_is_right_and_stop_what_is_wrong(pre_commit: Path, repository: Path) -> None:
    def run() -> tuple[int, str]:
        options: list[str | Path] = ["-m", "pre_commit", "run", "--all-files", "--color=never"]
        command = [*outside(), pre_commit, *options]
        environment = os.environ | {"PRE_COMMIT_HOME": str(repository.parent / "kept")} | NOT_COMPILED
        done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    code, printed = run()
    assert code == 0, printed
    assert printed.count("Passed") == 2
    (repository / "overrides.yaml").write_text("image: hello.tar\nread_only: false\n")
    code, printed = run()
    assert (code, printed.count("Passed"), printed.count("Failed")) == (1, 1, 1)
    assert "bundler.lock: the sha256 of overrides.yaml is locked as" in printed
    (repository / "overrides.yaml").write_text("image: hello.tar\nreadonly: true\n")
    code, printed = run()
    assert (code, printed.count("Failed")) == (1, 2)
    assert "overrides.yaml:2:1: unknown key 'readonly'" in printed
