"""What lies at a path is told by names and first bytes, and whatever they are, telling it fails nowhere."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler import path_kinds
from bundler.path_kinds import kind_at, kind_of, missing_hint, place_hint
from tests.support.compressors import COMPRESSORS

HELLO = Path(__file__).parents[1] / "testdata/hello-amd64.tar"

CONTENTS = {
    "a Dockerfile": b"# syntax=docker/dockerfile:1\nFROM alpine\n",
    "a compose file": b"# ours\nversion: '3'\nservices:\n  web: {}\n",
    "a Kubernetes manifest": b"apiVersion: v1\nkind: Pod\n",
    "a config.json": b'{\n  "ociVersion": "1.0.2"}',
    "the project.json of a project": b'{"format": 1, "services": [{"name": "a", "bundler.json": "sha256:00"}]}',
    "a text of JSON": b'[{"Id": "a"}]',
    "a text of YAML": b"user: app\n",
    "a program": b"\x7fELF\x02\x01",
    "an archive": HELLO.read_bytes(),
    "a web page": b"\n<!doctype html>",
    "a zip archive": b"PK\x03\x04",
    "a text": b"hello\n",
    "empty": b"",
}
FOLDERS = {
    "a bundle": ["config.json", "rootfs/x"],
    "a project": ["project.json", "web/config.json"],
    "an OCI layout": ["oci-layout", "index.json"],
    "a folder with a Dockerfile": ["Dockerfile", "app.py"],
    "a root filesystem": ["etc/passwd", "usr/bin/sh"],
    "a folder that skopeo wrote": ["manifest.json", "version"],
    "a folder": ["notes.txt"],
}


@pytest.mark.parametrize("what", CONTENTS)
def test_a_file_is_known_by_its_beginning(what: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENTS[what])
    found = kind_at(tmp_path / "file")
    assert found is not None
    assert found.what == f"is {what}"


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_compressed_file_is_an_archive(name: str) -> None:
    assert kind_of(COMPRESSORS[name](HELLO.read_bytes())) is path_kinds.ARCHIVE


@pytest.mark.parametrize("what", FOLDERS)
def test_a_folder_is_known_by_what_is_in_it(what: str, tmp_path: Path) -> None:
    for name in FOLDERS[what]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = kind_at(tmp_path)
    assert found is not None
    assert found.what == f"is {what}"


@given(st.binary(max_size=2000))
def test_any_bytes_are_of_some_kind_or_of_none(content: bytes) -> None:
    kind = kind_of(content)
    assert kind is None or kind.what


def test_what_has_no_content_to_look_at_is_of_no_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert [kind_at(tmp_path / "fifo"), kind_at("/dev/null"), kind_at("a\0b")] == [None, None, None]
    assert kind_at(tmp_path / "none") is path_kinds.MISSING


def test_a_name_is_put_into_a_command_as_a_shell_reads_it() -> None:
    assert path_kinds.LAYOUT.hint("my images") == "bundler build oci:'my images'"


def test_a_neighbour_of_nearly_the_same_name_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "image.tar").touch()
    assert missing_hint(tmp_path / "imgae.tar") == f"did you mean {tmp_path}/image.tar?"
    assert missing_hint(tmp_path / "other.yaml") is None
    assert missing_hint(tmp_path / "none/image.tar") == f"there is no folder {tmp_path}/none"


def test_where_nothing_is_near_it_is_said_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "image.tar").touch()
    assert place_hint(tmp_path / "imgae.tar") == f"did you mean {tmp_path}/image.tar?"
    assert place_hint(tmp_path / "web") == f"looked for in {tmp_path}"
