"""Removing a stage."""

import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from bundler.rootfs.remove import remove_tree


def test_what_is_absent_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "missing")
    remove_tree(tmp_path / "missing/deeper")


def test_all_of_it_goes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "stage/a/b/c").mkdir(parents=True)
    (tmp_path / "stage/a/empty").mkdir()
    (tmp_path / "stage/a/b/file").write_text("x")
    os.mkfifo(tmp_path / "stage/fifo")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/canary").write_text("alive")
    (tmp_path / "stage/link").symlink_to(tmp_path / "outside")
    (tmp_path / "stage/a/link").symlink_to("../../outside")
    remove_tree(tmp_path / "stage")
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (tmp_path / "outside/canary").read_text() == "alive"


def test_a_symlink_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    remove_tree(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.slow
def test_a_very_deep_tree_goes(tmp_path: Path) -> None:
    top = os.open(tmp_path, os.O_RDONLY)
    current = os.dup(top)
    for _ in range(2100):  # deeper than a path can say, than Python recurses and than files can be open
        os.mkdir("d", dir_fd=current)
        below = os.open("d", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = below
    os.close(current)
    os.close(top)
    remove_tree(tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


UNPRIVILEGED = """
import os, sys
from pathlib import Path
from bundler.rootfs.remove import remove_tree
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
top = Path(sys.argv[1])
(top / "a/b").mkdir(parents=True)
(top / "a/b/f").touch()
(top / "c").mkdir()
(top / "a/b").chmod(0)
(top / "a").chmod(0o500)
(top / "c").chmod(0)
remove_tree(top)
"""


def test_an_ordinary_users_unreadable_directories_go(tmp_path: Path) -> None:
    for directory in takewhile(lambda path: path.name != "tmp", (tmp_path, *tmp_path.parents)):
        directory.chmod(0o755)
    tmp_path.chmod(0o777)
    project = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", UNPRIVILEGED, tmp_path / "stage"], cwd=project, check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
@pytest.mark.tool("mount")
def test_what_is_mounted_inside_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/canary").write_text("alive")
    (tmp_path / "stage/mounted").mkdir(parents=True)
    subprocess.run(["mount", "--bind", tmp_path / "outside", tmp_path / "stage/mounted"], check=True)
    try:
        with pytest.raises(OSError, match="something is mounted there"):
            remove_tree(tmp_path / "stage")
    finally:
        subprocess.run(["umount", tmp_path / "stage/mounted"], check=True)
    assert (tmp_path / "outside/canary").read_text() == "alive"
