"""Workers are started while bars are drawn, which is a thread's work: Python has nothing to warn of."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.image_files import layout_files, sample, write_folder
from tests.support.tarballs import file, tarball

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]
NOISE = os.urandom(6_000_000)
IMAGE = sample(*(tarball(file(f"{each}", NOISE[each:])) for each in range(2)))


def on_a_terminal(*command: str | Path) -> tuple[int, bytes]:
    """The exit code, and all that a terminal was shown."""
    here, there = pty.openpty()
    with subprocess.Popen(
        [*command], stdin=there, stdout=there, stderr=there, env=os.environ | {"TERM": "xterm"}
    ) as run:
        os.close(there)
        shown = bytearray()
        try:
            while part := os.read(here, 65_536):
                shown += part
        except OSError:  # the last process that had the other end is gone
            pass
    os.close(here)
    return run.returncode, bytes(shown)


def test_a_build_on_a_terminal_warns_of_nothing(tmp_path: Path) -> None:
    layout = write_folder(tmp_path / "layout", layout_files({"1": IMAGE}))
    python = [sys.executable, "-W", "error", "-X", "dev", "-m", "bundler"]
    commands: list[list[str | Path]] = [
        ["build", f"oci:{layout}", "--output", tmp_path / "bundle"],
        ["verify", tmp_path / "bundle"],
        ["pack", tmp_path / "bundle", "--output", tmp_path / "bundle.tar.zst"],
    ]
    for command in commands:
        status, shown = on_a_terminal(*python, *command)
        assert status == 0, shown.decode()
        assert b"Warning" not in shown
        assert command[0] != "build" or "━".encode() in shown
