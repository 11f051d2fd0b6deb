"""A disk that loses its power: a file, mounted as ext4.

What is in that file when a command has ended, or was killed, is what a disk would have after a power cut: a copy of it
is mounted and looked at.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_disk(path: Path) -> Path:
    subprocess.run(["truncate", "-s", "64M", path], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)
    return path


@contextmanager
def mounted(disk: Path) -> Iterator[Path]:
    folder = disk.with_suffix(".mounted")
    folder.mkdir()
    subprocess.run(["mount", "-o", "loop", disk, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@contextmanager
def after_a_power_cut(disk: Path) -> Iterator[Path]:
    copy = disk.with_name(disk.name + "-copy")
    subprocess.run(["cp", "--sparse=always", disk, copy], check=True)
    with mounted(copy) as folder:
        yield folder
    copy.unlink()
