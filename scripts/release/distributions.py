"""The sdist and the wheel: made with one setuptools, whose version its hash pins; its wheel is packed anew."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from release.archives import read_tar, read_zip, write_tree, zipped
from release.sources import copy_sources
from release.wheels import TOOLS, Wheels

_BUILD: Final = """\
import sys
from release import backend
getattr(backend, sys.argv[1])(sys.argv[2])
"""


def make_sdist(wheels: Wheels, output: Path) -> Path:
    with TemporaryDirectory() as scratch:
        source, made = Path(scratch, "source"), Path(scratch, "made")
        copy_sources(source)
        archive = _call("build_sdist", source, made, wheels)
        return Path(shutil.copy(archive, output))


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
    """What a hook of the backend (PEP 517) makes of `source`: one file in the folder `made`."""
    made.mkdir()
    with TemporaryDirectory() as tools:
        for wheel in wheels.get(TOOLS):
            write_tree(read_zip(wheel), Path(tools))
        modules = os.pathsep.join([tools, str(source / "scripts"), str(source)])
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": modules, "LC_ALL": "C.UTF-8"}
        command = [sys.executable, "-P", "-W", "ignore", "-c", _BUILD, hook, str(made)]
        done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"setuptools failed:\n{done.stdout}{done.stderr}")
    [archive] = made.iterdir()
    return archive
