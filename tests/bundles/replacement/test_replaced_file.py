"""A single file is written in one step, in the place of a file or of nothing."""

import os
from pathlib import Path

import pytest

from bundler.bundles.replacement.replaced_file import check_file_place, replace_file
from bundler.errors import RequestError


def test_a_file_takes_the_place_of_another_in_one_step(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        replace_file(tmp_path / "page", content)
    assert [path.name for path in tmp_path.iterdir()] == ["page"]
    assert (tmp_path / "page").read_bytes() == b"new"
    assert (tmp_path / "page").stat().st_mode & 0o777 == 0o644


def test_only_a_file_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")  # as /dev/null, which would be a file from then on
    (tmp_path / "link").symlink_to("fifo")
    for name in ("fifo", "link", ".", "missing/page"):
        for step in (check_file_place, lambda path: replace_file(path, b"{}")):
            with pytest.raises(RequestError):
                step(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fifo", "link"]
    assert (tmp_path / "fifo").is_fifo()


def test_a_symlink_to_a_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    replace_file(tmp_path / "link", b"{}")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"{}"


def test_a_link_that_leads_to_itself_is_no_place_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "page").symlink_to("page")
    with pytest.raises(RequestError, match="is not a file"):
        check_file_place(tmp_path / "page")
