"""The root filesystem of a bundle that is an image, as its container has it: written over in the folder `upper`."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_over(bundle: Path) -> Iterator[Path]:
    """Where it can be written to; what is written is kept, as `bundler run` keeps it."""
    rootfs, upper, work = bundle / "rootfs", bundle / "upper/rootfs", bundle / "upper/work"
    options = f"lowerdir={rootfs},upperdir={upper},workdir={work}"
    mounts: list[list[str | Path]] = [
        ["-t", "erofs", "-o", "loop,ro", bundle / "rootfs.erofs"],
        ["-t", "overlay", "-o", options, "overlay"],
    ]
    for arguments in mounts:
        subprocess.run(["mount", *arguments, rootfs], check=True)
        for folder in (upper, work):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        os.chown(upper, rootfs.stat().st_uid, rootfs.stat().st_gid)
    try:
        yield rootfs
    finally:
        for _ in mounts:
            subprocess.run(["umount", rootfs], check=True)
