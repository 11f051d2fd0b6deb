"""Run a bundle with a real runtime, and leave nothing of it behind."""

import json
import shlex
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.support.waiting import wait_until

RUN_SECONDS = 120
Name = Literal["runc", "crun"]

# crun runs on cgroup v1 and on v2, not where both are mounted. In a mount namespace of its own it sees v1 alone.
WITHOUT_CGROUP_V2 = 'umount /sys/fs/cgroup/unified && exec "$@"'


def command_of(runtime: Name) -> list[str]:
    if runtime == "crun" and Path("/sys/fs/cgroup/unified").is_mount():
        return ["unshare", "--mount", "sh", "-c", WITHOUT_CGROUP_V2, "sh", "crun"]
    return [runtime]


@dataclass(frozen=True)
class Ended:
    """How a container's process ended, and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str


def call(command: Sequence[str | Path], **options: Any) -> Ended:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=RUN_SECONDS, **options
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def wait_until_known(runtime: Sequence[str], name: str) -> None:
    """Until the runtime has written down what it has started, without which it ends nothing: crun does so later."""
    wait_until(lambda: call([*runtime, "state", name]).exit_code == 0, f"there is no container {name}")


@contextmanager
def a_name(runtime: list[str]) -> Iterator[str]:
    """A container name nobody else uses; what runs under it is ended and deleted."""
    name = f"bundler-test-{uuid.uuid4().hex[:12]}"
    try:
        yield name
    finally:
        call([*runtime, "delete", "--force", name])


def run(bundle: Path, runtime: Name = "runc") -> Ended:
    """Run the bundle's own process to its end, without a terminal."""
    command = command_of(runtime)
    with a_name(command) as name:
        return call([*command, "run", "--bundle", bundle, name])


def run_instead(bundle: Path, arguments: Sequence[str], runtime: Name = "runc") -> Ended:
    """Run `arguments` in the place of the bundle's own process; everything else is as config.json says."""
    document = bundle / "config.json"
    original = document.read_bytes()
    config = json.loads(original)
    config["process"]["args"] = list(arguments)
    try:
        document.write_text(json.dumps(config))
        return run(bundle, runtime)
    finally:
        document.write_bytes(original)


def program_of(runtime: Name, folder: Path) -> str:
    """A program that can be called as the runtime; where that takes more than its name, a script in `folder`."""
    command = command_of(runtime)
    if command == [runtime]:
        return runtime
    script = folder / f"{runtime}-here"
    script.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {runtime} --version\nexec {shlex.join(command)} "$@"\n')
    script.chmod(0o755)
    return str(script)
