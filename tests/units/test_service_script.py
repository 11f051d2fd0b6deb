"""What a service runs until its container has ended: its exit code is the container's, whatever signals come."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from bundler import data

ENDED: Final = "exit 3\n"
DEAF: Final = "trap 'exit 3' TERM\nkill -s TERM $PPID\nwhile :; do sleep 0.05; done\n"
WITH_CONTAINER: Final = 'while [ "$1" != --pid-file ]; do shift; done\necho 1 >"$2"\n'
RUNTIMES: Final = {
    "a container that has ended at once": WITH_CONTAINER + ENDED,
    "a container that ends by the signal": WITH_CONTAINER + DEAF,
    "a runtime that has made none": ENDED,
}


def program(path: Path, lines: str) -> Path:
    path.write_text(f"#!/bin/sh\n{lines}")
    path.chmod(0o755)
    return path


@pytest.mark.tool("busybox")
@pytest.mark.parametrize("shell", [["dash"], ["bash"], ["busybox", "sh"]], ids=" ".join)
@pytest.mark.parametrize("early", [False, True], ids=["no early signal", "a signal before the runtime is there"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_exit_code_is_that_of_the_runtime(tmp_path: Path, shell: list[str], runtime: str, *, early: bool) -> None:
    folder, programs = tmp_path / "folder", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    if early:
        program(programs / "mkfifo", 'kill -s TERM "$PPID"\nPATH=${PATH#*:} exec mkfifo "$@"\n')
    started = program(tmp_path / "runtime", RUNTIMES[runtime])
    (folder / "log").touch()
    ended = subprocess.run(
        [*shell, "-s", folder, str(int(signal.SIGTERM)), started, "/bundle", "name"],
        input=data.read("service.sh"),
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        check=False,
    )
    assert ended.returncode == 3
