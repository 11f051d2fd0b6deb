"""A disk whose files can share their blocks."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def disk_with_reflinks(folder: Path) -> Iterator[Path]:
    disk, where = folder / "disk", folder / "mounted"
    with disk.open("wb") as stream:
        stream.truncate(512 << 20)
    subprocess.run(["mkfs.xfs", "-q", disk], check=True)
    where.mkdir()
    subprocess.run(["mount", "-o", "loop", disk, where], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", where], check=True)
