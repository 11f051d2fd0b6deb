"""A release, made once for all tests that look at it, and its parts tried elsewhere."""

import hashlib
import subprocess
import sys
from functools import partial
from pathlib import Path

from release.archives import read_tree, write_tree
from release.sources import copy_sources
from tests.support.made_once import made_once
from tests.support.outside import outside

PROJECT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"


def wheels_of(cache: Path) -> Path:
    """Where the wheels of others are kept, which a release carries."""
    wheels = cache / "wheels"
    wheels.mkdir(exist_ok=True)
    return wheels


def released(cache: Path, scratch: Path) -> Path:
    """A folder with what `scripts/make-release` makes of this very source."""
    source = scratch / "source"
    source.mkdir()
    copy_sources(source)
    digest = hashlib.sha256()
    for name, file in sorted(read_tree(source).items()):
        digest.update(f"{name}\0{len(file.content)}\0".encode() + file.content)
    return made_once(cache / f"release-{digest.hexdigest()[:16]}", partial(_make, source, wheels_of(cache)))


def _make(source: Path, wheels: Path, made: Path, _scratch: Path) -> None:
    options: list[str | Path] = ["--output", made, "--wheels", wheels]
    command = [*outside(), sys.executable, source / "scripts/make-release", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def copied(source: Path, destination: Path) -> Path:
    """The same files in another folder, with times and modes of their own."""
    write_tree(read_tree(source), destination)
    return destination
