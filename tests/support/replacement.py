"""Bundles that take another one's place in a process of its own, which can be killed at any of its calls.

What such a process imports is only what it needs: a test starts hundreds of them.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bundler.bundles.stage import open_stage

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
        program = f"import sys, pathlib; from {__name__} import *; {self.work.__name__}(pathlib.Path(sys.argv[1]))"
        return [sys.executable, "-B", "-c", program, folder]


BOTH = ({"b": OLD, "b.old": OWN}, {"b": NEW, "b.old": OWN_OLD})
CASES = {
    "replace": Case(replace, old_bundle, ({"b": OLD}, {"b": NEW})),
    "upgrade": Case(upgrade, old_bundle, ({"b": OLD}, {"b": NEW, "b.old": OWN_OLD})),
    "exchange": Case(exchange, old_bundle_and_shell, BOTH),
}
