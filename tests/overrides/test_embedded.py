"""Files of the build machine that overrides name, other than variables."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.errors import RequestError
from bundler.overrides.load import load
from tests.support.elf import program


def test_an_init_is_found_beside_the_overrides_file(tmp_path: Path) -> None:
    (tmp_path / "tini").write_bytes(program())
    (tmp_path / "o.yaml").write_text("init: {path: tini, embed: true}\n")
    loaded = load([str(tmp_path / "o.yaml")])
    assert loaded.entries["init"].entries()["path"].text() == str(tmp_path / "tini")
    assert [file.name for file in loaded.files] == ["o.yaml", "tini"]


def test_an_init_that_is_missing_is_named_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("init: {path: tini, embed: true}\n")
    with pytest.raises(RequestError, match=r"o\.yaml:1:14: the file .*tini does not exist") as caught:
        load([str(tmp_path / "o.yaml")])
    assert "package tini" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            program(interpreter=b"/lib64/ld-linux-x86-64.so.2"),
            "is loaded by /lib64/ld-linux-x86-64.so.2, which an image",
        ),
        (b"#!/bin/sh\n", "is no program of machine code"),
        (b"", "is no program of machine code"),
        (program()[:40], "is no program of machine code"),
        (program(kind=1), "is no program of machine code"),
    ],
    ids=["dynamic", "script", "empty", "cut off", "object file"],
)
def test_an_init_that_an_image_may_not_be_able_to_start_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "tini").write_bytes(content)
    (tmp_path / "o.yaml").write_text("init: {path: tini, embed: true}\n")
    with pytest.raises(RequestError, match=rf"o\.yaml:1:14: init: tini {message}") as caught:
        load([str(tmp_path / "o.yaml")])
    assert "/usr/bin/tini-static" in str(caught.value.hint)


def test_an_init_brings_its_architecture(tmp_path: Path) -> None:
    (tmp_path / "tini").write_bytes(program(machine=183))
    (tmp_path / "o.yaml").write_text("init: {path: tini, embed: true}\n")
    assert load([str(tmp_path / "o.yaml")]).entries["init"].entries()["architecture"].text() == "arm64"


def test_an_init_of_the_target_is_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("init: /nowhere/tini\n")
    assert [file.name for file in load([str(tmp_path / "o.yaml")]).files] == ["o.yaml"]


def test_a_hook_is_read_from_beside_the_overrides_file(tmp_path: Path) -> None:
    (tmp_path / "hook").write_bytes(b"\x7fELF\xff")
    (tmp_path / "o.yaml").write_text("hooks: {poststop: [{path: hook, embed: true}, {path: /opt/other}]}\n")
    loaded = load([str(tmp_path / "o.yaml")])
    embedded, other = loaded.entries["hooks"].entries()["poststop"].items()
    assert embedded.entries()["content"].value == "\x7fELF\xff"
    assert "content" not in other.entries()
    assert [file.name for file in loaded.files] == ["o.yaml", "hook"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is a folder, not a file"),
        (os.mkfifo, "is a fifo, not a file"),
        (
            lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), (16 << 20) + 1),
            "has more than 16 MiB",
        ),
    ],
    ids=["missing", "directory", "fifo", "large"],
)
def test_a_hook_that_is_no_program_is_named_where_it_is_named(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "hook")
    (tmp_path / "o.yaml").write_text("hooks: {poststop: [{path: hook, embed: true}]}\n")
    with pytest.raises(RequestError, match=rf"o\.yaml:1:27: .*hook {message}"):
        load([str(tmp_path / "o.yaml")])


def test_a_file_of_variables_that_is_named_many_times_is_counted_as_often(tmp_path: Path) -> None:
    (tmp_path / "e.env").write_text("".join(f"a{number}=\n" for number in range(10_000)))
    (tmp_path / "o.yaml").write_text(f"env_file: [{', '.join(['e.env'] * 6)}]\n")
    with pytest.raises(RequestError, match=r"e\.env:1: more than 50000 values"):
        load([str(tmp_path / "o.yaml")])
