"""Bundles that take another one's place in a process of its own, which can be killed at any of its calls.

A test has hundreds of them, so they are forks of a program that has imported what they need: this file, with the tests'
folder on its path.
"""

import atexit
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bundler.bundles.replacement.stage import open_stage
from tests.support.traced import be_traced

CARRIED = ("volumes/a", "volumes/b", "mine")


def fill(bundle: Path, word: str) -> None:
    for name in (*CARRIED, "volumes/only"):
        (bundle / name).mkdir(parents=True, exist_ok=True)
        (bundle / name / "file").write_text(word)
    (bundle / "config.json").write_text(word)


def old_bundle(folder: Path) -> Path:
    (folder / "b").mkdir()
    fill(folder / "b", "old")
    return folder / "b"


def old_bundle_and_shell(folder: Path) -> Path:
    """What an upgrade leaves: the bundle with all data, and beside it one that has only what is its own."""
    bundle = old_bundle(folder)
    (folder / "b.old/volumes/only").mkdir(parents=True)
    (folder / "b.old/mine").mkdir()  # an empty folder gives way
    for name in ("volumes/only/file", "config.json"):
        (folder / "b.old" / name).write_text("new")
    return bundle


def replace(folder: Path) -> None:
    with open_stage(folder) as stage:
        fill(stage.bundle, "new")
        stage.publish(folder / "b", replace=True, carried=lambda: CARRIED)


def upgrade(folder: Path) -> None:
    with open_stage(folder) as stage:
        fill(stage.bundle, "new")
        stage.publish(folder / "b", replace=True, carried=lambda: CARRIED, kept=folder / "b.old")


def exchange(folder: Path) -> None:
    with open_stage(folder) as stage:
        stage.exchange(folder / "b", folder / "b.old", carried=lambda: CARRIED)


def next_command(folder: Path) -> None:
    with open_stage(folder):
        pass


def words(bundle: Path) -> dict[str, str]:
    return {str(path.relative_to(bundle)): path.read_text() for path in bundle.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))  # noqa: PTH208


OLD = dict.fromkeys((*(f"{name}/file" for name in CARRIED), "volumes/only/file", "config.json"), "old")
OWN = {"volumes/only/file": "new", "config.json": "new"}
OWN_OLD = dict.fromkeys(OWN, "old")
NEW = OLD | OWN


class Case(NamedTuple):
    """What a process does, what it begins with, and what may be in the folder after it, by name."""

    work: Callable[[Path], None]
    prepare: Callable[[Path], Path]
    outcomes: tuple[dict[str, dict[str, str]], ...]

    def command(self, folder: Path) -> list[str | Path]:
        """A process that does the work there, and is no fork."""
        program = f"import sys, pathlib; from {__name__} import *; {self.work.__name__}(pathlib.Path(sys.argv[1]))"
        return [sys.executable, "-B", "-c", program, folder]

    def traced(self, folder: Path, strace: Sequence[str]) -> int:
        """The exit code of a process that does the work there, and is traced by strace, started with these words."""
        program = _program()
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(json.dumps([self.work.__name__, str(folder), *strace]).encode() + b"\n")
        program.stdin.flush()
        return os.waitstatus_to_exitcode(int(program.stdout.readline()))


BOTH = ({"b": OLD, "b.old": OWN}, {"b": NEW, "b.old": OWN_OLD})
CASES = {
    "replace": Case(replace, old_bundle, ({"b": OLD}, {"b": NEW})),
    "upgrade": Case(upgrade, old_bundle, ({"b": OLD}, {"b": NEW, "b.old": OWN_OLD})),
    "exchange": Case(exchange, old_bundle_and_shell, BOTH),
}


@functools.cache
def _program() -> "subprocess.Popen[bytes]":
    program = subprocess.Popen(
        [sys.executable, "-P", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    atexit.register(program.communicate)
    return program


def _serve() -> None:
    for line in sys.stdin:
        work, folder, *strace = json.loads(line)
        if (process := os.fork()) == 0:
            be_traced(strace)
            globals()[work](Path(folder))
            os._exit(0)
        sys.stdout.write(f"{os.waitpid(process, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
