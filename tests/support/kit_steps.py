"""What is on the disk at each step of a kit's `kit.sh`: kept while it runs once, and not found out by a kill for each.

Who is killed leaves what he has done by then. The programs that change anything stand on PATH as scripts, which keep a
copy before and behind each call; that a kill does leave just that is tried for some of the calls.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = {name: name for name in ("cp", "mkdir", "mv", "rm", "sync", "tar", "chmod")}
# Who is killed leaves behind what the kernel knows; only a disk that loses its power has to have it.
NO_DISKS = PROGRAMS | {"sync": "true"}
COUNTING = """#!/bin/sh
read -r n <"$STEPS/count"
n=$((n + 1))
echo "$n" >"$STEPS/count"
"""
KEEPER = """
echo "PROGRAM $*" >>"$STEPS/calls"
for when in before after; do
    [ $when = before ] || { /bin/PROGRAM "$@"; code=$?; }
    /bin/mkdir "$STEPS/$n-$when"
    (cd "$KEPT" && exec /bin/cp -a --sparse=always $NAMES "$STEPS/$n-$when") || exit
done
exit $code
"""
KILLER = """
[ "$n" = "$NTH" ] || exec /bin/PROGRAM "$@"
[ "$WHEN" = before ] || /bin/PROGRAM "$@"
kill -9 "$PPID"
exit 1
"""
A_UNIT = re.compile(r"[^/ ]+\.(service|timer|target)\b")


@dataclass(frozen=True)
class Steps:
    """Those of a call that is made in `folder`, where the files and folders are that it changes.

    `state` is what is compared of copies of them; what comes again is not given again.
    """

    folder: Path
    names: tuple[str, ...]
    state: Callable[[Path], Hashable]
    programs: Mapping[str, str]

    def kept(self, call: Callable[[Mapping[str, str]], object]) -> Iterator[Path]:
        """A folder for each moment of the call, which is told its environment. Of what it does for each unit in turn,
        the first and the last turn are given.
        """
        place = self._place("kept", KEEPER)
        call({**self._environment(place), "KEPT": str(self.folder), "NAMES": " ".join(self.names)})
        known = set()
        for number in ends_of_loops((place / "calls").read_text().splitlines()):
            for when in ("before", "after"):
                copy = place / f"{number + 1}-{when}"
                if (state := self.state(copy)) not in known:
                    known.add(state)
                    yield copy
        shutil.rmtree(place)

    def copied(self, name: str) -> Path:
        """A copy of all that the call will change, under this name beside it."""
        copy = self.folder / name
        copy.mkdir()
        for each in self.names:
            subprocess.run(["cp", "-a", self.folder / each, copy], check=True)
        return copy

    def restore(self, copy: Path) -> None:
        for each in self.names:
            shutil.rmtree(self.folder / each)
            subprocess.run(["cp", "-a", copy / each, self.folder], check=True)

    def killing(self, nth: int, when: str) -> dict[str, str]:
        """The environment in which the shell is killed `before` or `after` its nth call of a program."""
        place = self._place(f"killed-{nth}-{when}", KILLER)
        return {**self._environment(place), "NTH": str(nth), "WHEN": when}

    def _place(self, name: str, script: str) -> Path:
        place = self.folder / name
        (place / "bin").mkdir(parents=True)
        (place / "count").write_text("0")
        for program, done_by in self.programs.items():
            (place / "bin" / program).write_text((COUNTING + script).replace("PROGRAM", done_by))
            (place / "bin" / program).chmod(0o755)
        return place

    def _environment(self, place: Path) -> dict[str, str]:
        return {"PATH": f"{place}/bin:{os.environ['PATH']}", "STEPS": str(place)}


def without_disks(folder: Path) -> dict[str, str]:
    """An environment in which no disk is waited for."""
    (folder / "no-disks").mkdir()
    (folder / "no-disks/sync").symlink_to("/bin/true")
    return {"PATH": f"{folder}/no-disks:{os.environ['PATH']}"}


def ends_of_loops(calls: list[str]) -> list[int]:
    """The first and the last of the calls that differ by the name of a unit alone."""
    kinds = [A_UNIT.sub("UNIT", call) for call in calls]
    last = {kind: number for number, kind in enumerate(kinds)}
    return [number for number, kind in enumerate(kinds) if number in (kinds.index(kind), last[kind])]
