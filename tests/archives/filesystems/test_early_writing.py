"""A file that is written to its disk while it grows stays what it is, and no thread is left."""

import os
import threading
from pathlib import Path

from bundler.archives.filesystems.early_writing import EarlyWriting

PIECE = os.urandom(1 << 20)


def test_what_is_written_early_can_still_change(tmp_path: Path) -> None:
    before = threading.active_count()
    with (tmp_path / "f").open("wb", buffering=0) as file:
        early = EarlyWriting(file.fileno())
        with early.working():
            for number in range(40):
                file.write(PIECE)
                early.reached((number + 1) << 20)
            os.pwrite(file.fileno(), b"changed", 5)
    assert (tmp_path / "f").read_bytes() == PIECE[:5] + b"changed" + PIECE[12:] + PIECE * 39
    assert threading.active_count() == before


def test_what_has_no_disk_is_left_alone() -> None:
    read, write = os.pipe()
    early = EarlyWriting(write)
    with early.working():
        early.reached(1 << 30)
    os.close(read)
    os.close(write)
