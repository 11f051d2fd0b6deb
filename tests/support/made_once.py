"""Slow things that are made once and kept, whoever asks first."""

import fcntl
import tempfile
from collections.abc import Callable
from pathlib import Path


def made_once(path: Path, make: Callable[[Path, Path], None]) -> Path:
    """`path`, after `make` has written it at a first place, with a folder for what it needs meanwhile; others wait."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            with tempfile.TemporaryDirectory(prefix="unfinished-", dir=path.parent) as scratch:
                make(Path(scratch, "made"), Path(scratch))
                Path(scratch, "made").rename(path)
    return path
