"""A full disk is told of with its file system, whoever notices it; any other error passes by."""

import errno
import os
from pathlib import Path

import pytest

from bundler.disk_space import FullDiskError, full_disk, writing_below


@pytest.mark.parametrize(("number", "says"), [(errno.ENOSPC, "no space left"), (errno.EDQUOT, "quota is used up")])
def test_a_system_error_becomes_a_failure_that_names_the_place(number: int, says: str, tmp_path: Path) -> None:
    with (
        pytest.raises(FullDiskError, match=f"^new: .*{says} on the file system at /") as raised,
        writing_below(tmp_path, "-o", "new"),
    ):
        raise OSError(number, os.strerror(number))
    assert raised.value.exit_code == 1
    assert (raised.value.hint or "").endswith("choose another disk with -o")


def test_what_is_changed_in_its_place_has_no_other_disk(tmp_path: Path) -> None:
    with pytest.raises(FullDiskError) as raised, writing_below(tmp_path, ""), writing_below(tmp_path, "-o"):
        raise OSError(errno.ENOSPC, "")
    assert raised.value.hint == "free some space there"


def test_what_is_known_of_the_file_is_kept(tmp_path: Path) -> None:
    with (
        pytest.raises(FullDiskError, match=r"^layer 1: etc/passwd: no space left on the file system at /"),
        writing_below(tmp_path, "-o"),
    ):
        raise full_disk(OSError(errno.ENOSPC, ""), "layer 1: etc/passwd") or AssertionError


def test_the_innermost_place_counts(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    with pytest.raises(FullDiskError) as raised, writing_below(Path("/proc"), "--store"), writing_below(tmp_path, "-o"):
        raise OSError(errno.ENOSPC, "")
    assert raised.value.folder == tmp_path


def test_a_file_of_another_file_system_is_none_of_the_places(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="/proc/x"), writing_below(tmp_path, "-o"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/proc/x")


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_other_errors_are_left_alone(number: int, tmp_path: Path) -> None:
    assert full_disk(OSError(number, ""), "x") is None
    with pytest.raises(OSError, match=str(number)), writing_below(tmp_path, "-o"):
        raise OSError(number, "")
