"""The sdist and the wheel: made by one setuptools, whose version its hash pins, and packed anew."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from release.archives import read_tar, read_tree, read_zip, tar_gz, write_tree, zipped
from release.changelog import PROJECT
from release.wheels import TOOLS, Wheels

# What a clone has. Whatever else lies in the folder, such as a build/ of yesterday, is not looked at.
_SOURCES: Final = (".ci", "bundler", "docs", "scripts", "testdata", "tests")
_FILES: Final = (
    *(".gitignore", ".pre-commit-hooks.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in"),
    *("README.md", "pyproject.toml", "setup.py"),
)
_BUILD: Final = """\
import sys
from setuptools import build_meta
getattr(build_meta, sys.argv[1])(sys.argv[2])
"""


def copy_sources(destination: Path, project: Path = PROJECT) -> None:
    """What belongs to the project, into an empty folder: setuptools writes beside what it reads."""
    for folder in _SOURCES:
        write_tree(read_tree(project / folder), destination / folder)
    for name in _FILES:
        (destination / name).write_bytes((project / name).read_bytes())


def make_sdist(wheels: Wheels, epoch: int, output: Path) -> Path:
    with TemporaryDirectory() as scratch:
        source, made = Path(scratch, "source"), Path(scratch, "made")
        source.mkdir()
        copy_sources(source)
        archive = _call("build_sdist", source, made, wheels)
        sdist = output / archive.name
        sdist.write_bytes(tar_gz(read_tar(archive), epoch))
    return sdist


def make_wheel(wheels: Wheels, sdist: Path, epoch: int, output: Path) -> Path:
    """The wheel of an sdist, so that all it takes is in there."""
    with TemporaryDirectory() as scratch:
        made = Path(scratch, "made")
        write_tree(read_tar(sdist), Path(scratch))
        archive = _call("build_wheel", Path(scratch, sdist.name.removesuffix(".tar.gz")), made, wheels)
        tree = read_zip(archive)
        # The wheel's record of its files says itself that it comes last.
        ordered = sorted(tree, key=lambda name: (".dist-info/" in name, name.endswith("/RECORD"), name))
        wheel = output / archive.name
        wheel.write_bytes(zipped({name: tree[name] for name in ordered}, epoch))
    return wheel


def _call(hook: str, source: Path, made: Path, wheels: Wheels) -> Path:
    """What a hook of setuptools (PEP 517) makes of `source`: one file in the folder `made`."""
    made.mkdir()
    with TemporaryDirectory() as tools:
        for wheel in wheels.get(TOOLS):
            write_tree(read_zip(wheel), Path(tools))
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": tools, "LC_ALL": "C.UTF-8"}
        command = [sys.executable, "-P", "-W", "ignore", "-c", _BUILD, hook, str(made)]
        done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"setuptools failed:\n{done.stdout}{done.stderr}")
    [archive] = made.iterdir()
    return archive
