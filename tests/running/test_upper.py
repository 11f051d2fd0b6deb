"""The folder of what is written over an image: of one container at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bundler.errors import BundlerError, RequestError
from bundler.running.upper import reserve

RESERVE = """
import sys, time
from pathlib import Path
from bundler.running.upper import reserve
reserve(Path(sys.argv[1]), 10)
print(flush=True)
sys.stdin.read()
"""


def test_it_is_made_for_its_user_alone_and_locked_for_whatever_comes_after(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RESERVE, tmp_path / "upper"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert (tmp_path / "upper").stat().st_mode & 0o777 == 0o700
        with pytest.raises(
            RequestError, match=rf"another container \(process {other.pid}\) writes to .*/upper$"
        ) as raised:
            reserve(tmp_path / "upper", 10)
        assert "--ephemeral" in str(raised.value.hint)
        other.communicate(b"")
    reserve(tmp_path / "upper", 10)
    (lock,) = [
        int(path.name) for path in Path("/proc/self/fd").iterdir() if str(path.resolve()) == str(tmp_path / "upper")
    ]
    assert lock >= 10
    assert os.get_inheritable(lock)
    os.close(lock)


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "upper").symlink_to("/tmp")
    with pytest.raises(BundlerError, match=r"/upper: Not a directory$"):
        reserve(tmp_path / "upper", 10)
