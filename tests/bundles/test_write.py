"""Files of a bundle: the same bytes and modes wherever they are written."""

import os
from pathlib import Path

import pytest

from bundler.bundles.write import encode, make_folder, write_file


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_file(tmp_path / "etc/deep/hosts", b"x")
        make_folder(tmp_path / "volumes/a/b")
    finally:
        os.umask(before)
    assert (tmp_path / "etc/deep/hosts").read_bytes() == b"x"
    assert [mode(tmp_path / name) for name in ("etc", "etc/deep", "etc/deep/hosts")] == [0o755, 0o755, 0o644]
    assert [mode(tmp_path / name) for name in ("volumes", "volumes/a", "volumes/a/b")] == [0o755] * 3


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir(mode=0o700)
    make_folder(tmp_path / "etc")
    assert mode(tmp_path / "etc") == 0o700


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "file", b"yours")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_link_at_the_files_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "link", b"x")
    assert not (tmp_path / "target").exists()


def test_documents_keep_their_order_and_are_ascii() -> None:
    assert encode({"b": ["é", 1], "a": {}}) == b'{\n  "b": [\n    "\\u00e9",\n    1\n  ],\n  "a": {}\n}\n'


def test_what_json_cannot_say_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"a": float("inf")})
