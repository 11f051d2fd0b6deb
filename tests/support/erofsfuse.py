"""erofsfuse, with which an ordinary user mounts an image. Debian has it from 13 on."""

import os
import platform
import shutil
from pathlib import Path

import pytest

FIRST_RELEASE = 13


def skip_unless_it_is_there() -> None:
    """In CI it is there, but for the release of Debian that has not got it."""
    if shutil.which("erofsfuse") is not None:
        return
    release = platform.freedesktop_os_release().get("VERSION_ID", str(FIRST_RELEASE))
    if os.environ.get("CI") and int(release.partition(".")[0]) >= FIRST_RELEASE:
        pytest.fail("CI lacks erofsfuse: see scripts/setup", pytrace=False)
    pytest.skip("needs erofsfuse")


def serving(image: Path) -> list[int]:
    """The processes that read the image for a kernel."""
    processes = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        if os.fsencode(image) in words and any(b"erofsfuse" in word for word in words):
            processes.append(int(folder.name))
    return processes
