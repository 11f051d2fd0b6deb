"""Who follows a chapter of a page: a shell on a machine of its own, with an empty folder and an empty home."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import POLICY
from tests.support.command import installed
from tests.support.machine import Machine
from tests.support.pages import PROJECT, Step

SECONDS = 400
DOCKER = "/usr/bin/docker"
END = "\036"
# Printed behind each step, with its exit code; the first that fails is the last.
MARK = r"""
end_of_step=$?; printf '\036%d\036' $end_of_step; [ $end_of_step = 0 ] || exit 0
"""


@dataclass
class Reader:
    """`folder` is where the shell begins; `settings` are added to an environment that is nearly empty."""

    machine: Machine
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    set_up: str = ""
    user: int = 0

    def __post_init__(self) -> None:
        """A home with what skopeo cannot do without, and the images that lie in a clone."""
        self.folder.mkdir(parents=True)
        policy = self.home / ".config/containers/policy.json"
        policy.parent.mkdir(parents=True)
        policy.write_text(POLICY)
        for path in [*self.home.rglob("*"), self.home, self.folder, *self.folder.iterdir()]:
            os.chown(path, self.user, self.user)
        (self.folder / "testdata").symlink_to(PROJECT / "testdata")
        (self.home / "bin").mkdir()
        if Path(DOCKER).exists():  # as in docker.py
            (self.home / "bin/docker").symlink_to(DOCKER)
        shutil.copy(PROJECT / "testdata/hello-amd64.tar", self.folder / "hello.tar")

    @property
    def home(self) -> Path:
        return self.folder.parent / "home"

    def add_program(self, name: str, line: str) -> None:
        path = self.home / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    @property
    def environment(self) -> Mapping[str, str]:
        path = f"{self.home}/bin:{Path(installed()).parent}:{os.environ['PATH']}"
        kept = {name: os.environ[name] for name in ("BUNDLER_TEST_CACHE",) if name in os.environ}
        return {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "dumb", **kept, **self.settings}

    @property
    def become(self) -> list[str]:
        ids = (f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups")
        return ["setpriv", *ids] if self.user else []

    def follow(self, steps: Sequence[Step]) -> list[tuple[str, int]]:
        """What each step has printed, and its exit code, up to the first that fails."""
        script, printed = self.folder.parent / "script", self.folder.parent / "printed"
        begin = f"cd {self.folder} || exit\n{self.set_up}"
        script.write_text(begin + "".join(f"{step.commands}{MARK}" for step in steps))
        enter = ["nsenter", "--target", str(self.machine.pid), "--net", "--mount"]
        with printed.open("wb") as output:
            subprocess.run(
                [*enter, *self.become, "bash", script],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                timeout=SECONDS,
            )
        words = printed.read_text(errors="replace").split(END)
        ended = [(text, int(code)) for text, code in zip(words[::2], words[1::2], strict=False)]
        return ended if len(ended) == len(steps) or (ended and ended[-1][1]) else [*ended, (words[-1], -1)]
