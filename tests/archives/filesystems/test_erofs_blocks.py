"""The blocks of an image that is being written: where records lie, and what is left where they were."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.archives.filesystems.erofs_blocks import Blocks
from bundler.archives.filesystems.verity import BLOCK


@contextmanager
def blocks(folder: Path) -> Iterator[tuple[Blocks, int]]:
    with (folder / "blocks").open("x+b") as stream:
        yield Blocks(stream.fileno()), stream.fileno()


def test_more_open_blocks_than_are_kept_are_written(tmp_path: Path) -> None:
    """Each record leaves more room than the next one takes, but not enough for it."""
    records = [bytes([number]) * (BLOCK // 2 + 32) for number in range(40)]
    with blocks(tmp_path) as (written, descriptor):
        places = [written.add(record) for record in records]
        assert [written.read(at, len(record)) for at, record in zip(places, records, strict=True)] == records
        written.finish()
        assert [os.pread(descriptor, len(record), at) for at, record in zip(places, records, strict=True)] == records


def test_content_may_come_in_any_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 33
    size = 2 * BLOCK
    for step in (1, 1000, BLOCK, len(content)):
        folder = tmp_path / f"{step}"
        folder.mkdir()
        with blocks(folder) as (written, _):
            rest = written.store((content[at : at + step] for at in range(0, len(content), step)), size)
            assert written.read(0, size) + rest == content
            assert written.store((), 0) == b""


def test_what_cannot_be_erased_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(BLOCK))
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="Bad file descriptor"):
            Blocks(descriptor).erase(0, BLOCK)
    finally:
        os.close(descriptor)
