"""Packed projects that lie, as the older side of a delta."""

import tracemalloc
from pathlib import Path

import pytest

from bundler.deltas.sources import open_source
from bundler.limits import DEFAULTS
from bundler.project.record import ProjectRecord
from tests.support.tarballs import directory, file, tarball


@pytest.mark.slow
def test_one_record_of_a_packed_project_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """There may be any number of them, and each may be large."""
    record = b'{"format": 2, "manifest": "x", "large": "%b"}' % (b"a" * (4 << 20))
    members = [directory("."), file("project.json", ProjectRecord("shop", ()).content)]
    members += [file(f"{number}/bundler.json", record) for number in range(16)]
    (tmp_path / "shop.tar").write_bytes(tarball(*members))
    del members
    tracemalloc.start()
    try:
        with open_source(tmp_path / "shop.tar", DEFAULTS, tmp_path) as source:
            assert (source.is_project, source.written_to[-1]) == (True, "volumes")
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()
