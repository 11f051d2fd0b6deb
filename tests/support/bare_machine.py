"""A machine that has a kernel, busybox and runc, and no network."""

import shutil
from pathlib import Path

from tests.support.runtime import Ended, call


def bare_programs(folder: Path) -> Path:
    """The empty `folder`, as one of programs that has only these."""
    for program in ("busybox", "runc"):
        (folder / program).symlink_to(shutil.which(program) or program)
    return folder


def on_a_bare_machine(bare: Path, kit: Path, *words: str | Path) -> Ended:
    alone: list[str | Path] = ["unshare", "--net", "env", "-i", f"PATH={bare}", bare / "busybox", "sh"]
    return call([*alone, kit / "kit.sh", *words])
