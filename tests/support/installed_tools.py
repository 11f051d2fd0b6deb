"""Programs in Python that only tests use, each in a virtualenv of its own."""

import subprocess
import sys
from pathlib import Path

from tests.support.made_once import made_once
from tests.support.outside import outside

# For pip: what is started once or twice has a few modules of it compiled, of thousands that are installed.
NOT_COMPILED = {"PIP_NO_COMPILE": "1"}


def python_with(requirement: str, cache: Path, name: str) -> Path:
    """A Python that can import it; made once per cache, without a pip in it, which is another's that installs it."""

    def install(made: Path, _scratch: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True)
        pip: list[str | Path] = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            made / "bin/python",
            "install",
            "-qq",
            "--no-compile",
        ]
        subprocess.run([*outside(), *pip, requirement], check=True)

    return made_once(cache / name, install) / "bin/python"
