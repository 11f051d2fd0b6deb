"""The installed command, run as a person would run it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SECONDS = 240


def installed() -> str:
    """The `bundler` beside the Python that runs the tests."""
    directory = Path(sys.executable).parent
    found = shutil.which("bundler", path=directory)
    if found is None:
        raise RuntimeError(f"there is no bundler in {directory}: run scripts/setup test")
    return found


def call_bundler(
    *arguments: str | Path,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
) -> subprocess.CompletedProcess[str]:
    """Run bundler to its end, whatever that is. `env` is added to the environment of the tests."""
    done = subprocess.run(
        [installed(), *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env=os.environ | dict(env or {}),
        umask=umask,
        timeout=SECONDS,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def bundler(*arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> str:
    """Run bundler, which must succeed, and return what it wrote to standard output."""
    done = call_bundler(*arguments, stdin=stdin, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(map(str, done.args))} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout
