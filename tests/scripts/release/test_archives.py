"""Archives of the same files are the same bytes."""

import io
import tarfile
import zipfile
from pathlib import Path

from release.archives import File, read_tar, read_tree, read_zip, tar_gz, write_tree, zipped

EPOCH = 1795910400
TREE = {"b": File(b"two"), "a/c.sh": File(b"#!/bin/sh\n", executable=True)}


def test_a_tar_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(tar_gz(TREE, EPOCH))
    assert read_tar(tmp_path / "a.tar.gz") == TREE


def test_a_zip_is_read_as_it_was_written_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(TREE, EPOCH))
    assert list(read_zip(tmp_path / "a.zip").items()) == list(TREE.items())


def test_a_tree_is_read_as_it_was_written_without_what_python_leaves(tmp_path: Path) -> None:
    write_tree(TREE, tmp_path)
    write_tree({"a/__pycache__/c.pyc": File(b"code"), "x.egg-info/PKG-INFO": File(b"")}, tmp_path)
    assert read_tree(tmp_path) == TREE


def test_an_archive_knows_root_and_its_release_alone() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar_gz(TREE, EPOCH))) as tar:
        members = [(member.name, member.mode, member.uid, member.uname, member.mtime) for member in tar]
    assert members == [("a/c.sh", 0o755, 0, "root", EPOCH), ("b", 0o644, 0, "root", EPOCH)]
    with zipfile.ZipFile(io.BytesIO(zipped(TREE, EPOCH))) as files:
        entries = [(entry.filename, entry.external_attr >> 16, entry.date_time) for entry in files.infolist()]
    moment = (2026, 11, 29, 0, 0, 0)
    assert entries == [("b", 0o100644, moment), ("a/c.sh", 0o100755, moment)]
