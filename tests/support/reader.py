"""Who follows a chapter of a page: a shell on a machine of its own, with an empty folder and an empty home."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import POLICY
from tests.support.command import client, installed
from tests.support.machine import Machine
from tests.support.pages import PROJECT, Step, matches

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
        # What takes longer than the page thought, on a busy machine, would be told of.
        quiet = {"LANG": "C.UTF-8", "TERM": "dumb", "BUNDLER_PROGRESS": "none"}
        return {"PATH": path, "HOME": str(self.home), **quiet, **kept, **self.settings}

    @property
    def become(self) -> list[str]:
        ids = (f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups")
        return ["setpriv", *ids] if self.user else []

    def follow(self, steps: Sequence[Step]) -> list[tuple[str, int]]:
        """What each step has printed, and its exit code, up to the first that fails."""
        script, printed = self.folder.parent / "script", self.folder.parent / "printed"
        script.write_text(script_of(steps, f"cd {self.folder} || exit\n{self.set_up}"))
        enter = ["nsenter", "--target", str(self.machine.pid), "--net", "--mount"]
        environment = self.environment
        with printed.open("wb") as output, client(self.home / "bin/bundler", environment) as server:
            subprocess.run(
                [*enter, *self.become, "bash", script],
                env=environment,
                pass_fds=[server],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                timeout=SECONDS,
            )
        return ended_steps(steps, printed.read_text(errors="replace"))


def script_of(steps: Sequence[Step], begin: str) -> str:
    """The steps as one script for bash, which stops at the first that fails; `begin` is in front of it."""
    return begin + "".join(f"{step.commands}{MARK}" for step in steps)


def ended_steps(steps: Sequence[Step], printed: str) -> list[tuple[str, int]]:
    """What each step of such a script has printed, and its exit code; -1 if it is unknown."""
    words = printed.split(END)
    ended = [(text, int(code)) for text, code in zip(words[::2], words[1::2], strict=False)]
    return ended if len(ended) == len(steps) or (ended and ended[-1][1]) else [*ended, (words[-1], -1)]


def differences(steps: Sequence[Step], ended: Sequence[tuple[str, int]]) -> list[str]:
    """The steps that failed, that printed anything but what the page shows, or that were not come to."""
    wrong = [
        f"{step.place}: exit code {exit_code}\n$ {step.commands}\n{printed}"
        for step, (printed, exit_code) in zip(steps, ended, strict=False)
        if exit_code != 0 or (step.output is not None and not matches(step.output, printed))
    ]
    return wrong or [f"{step.place}: not come to" for step in steps[len(ended) :]]
