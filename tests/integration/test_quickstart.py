"""The first command of README.md, on a copy of the project: nothing that was installed before helps."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.installed_tools import NOT_COMPILED
from tests.support.outside import outside

PROJECT = Path(__file__).resolve().parents[2]
GREETING = "Hello from a bundle! No daemon made it, and no daemon runs it."
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".*_cache", "build", "dist", "*.egg-info", "__pycache__", "tests")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("quickstart") / "bundler"
    shutil.copytree(PROJECT, directory, ignore=NOT_COPIED)
    return directory


def quickstart(copy: Path, *arguments: str | Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment |= NOT_COMPILED
    command = [*outside(), copy / "scripts/quickstart", *arguments]
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, check=False, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.root
@pytest.mark.tool("runc")
def test_quickstart_runs_the_example_image_twice(copy: Path, tmp_path: Path) -> None:
    first = quickstart(copy, tmp_path / "hello")
    assert GREETING in first.splitlines()
    assert (tmp_path / "hello/volumes").is_dir()
    again = quickstart(copy, tmp_path / "again")
    assert GREETING in again.splitlines()
    configs = [(tmp_path / name / "config.json").read_bytes() for name in ("hello", "again")]
    assert configs[0] == configs[1]
