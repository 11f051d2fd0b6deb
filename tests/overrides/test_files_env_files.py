"""`env_file`: docker's grammar, and files that overrides name."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.overrides.files import parse_env_file
from bundler.overrides.load import load
from bundler.overrides.node import Budget


def variables(text: bytes) -> list[str]:
    return [node.text() for node in parse_env_file(text, "e.env", Budget())]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"A=1\nB=2", ["A=1", "B=2"]),
        (b"A=\"x y\"\nB='z'", ['A="x y"', "B='z'"]),
        (b"A=a b # no comment", ["A=a b # no comment"]),
        (b"# comment\n\n  # another\n  A=1", ["A=1"]),
        (b"A=\nB=a=b=c", ["A=", "B=a=b=c"]),
        (b"UNSET\nA=1", ["A=1"]),
        (b"A=1\nA=2", ["A=1", "A=2"]),
        (b"\xef\xbb\xbfA=1\r\n", ["A=1"]),
        (b"A=1  ", ["A=1  "]),
        (b"", []),
    ],
)
def test_lines_are_read_as_docker_reads_them(text: bytes, found: list[str]) -> None:
    assert variables(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"A=1\n=2", "e.env:2: no variable name"),
        (b"A B=1", "e.env:1: the variable name 'A B' holds blanks"),
        (b"A =1", "holds blanks"),
        (b"\xff=1", "e.env:1: not UTF-8"),
        (b"A=\0", "e.env:1: a variable cannot hold a NUL"),
    ],
)
def test_what_docker_refuses_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        variables(text)
    assert message in refusal.value.what


@given(st.binary())
def test_any_bytes_are_variables_or_a_refusal(text: bytes) -> None:
    with contextlib.suppress(RequestError):
        assert all("=" in variable and "\n" not in variable for variable in variables(text))


def test_paths_are_relative_to_the_overrides_file(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=1\n")
    (tmp_path / "o.yaml").write_text("env_file: [a.env, {path: missing.env, required: false}]\n")
    loaded = load([str(tmp_path / "o.yaml")])
    files = loaded.items("env_file")
    assert [node.text() for node in files[0].entries()["variables"].items()] == ["A=1"]
    assert "variables" not in files[1].entries()
    assert [file.name for file in loaded.files] == ["o.yaml", "a.env"]
    assert files[0].entries()["variables"].items()[0].origin.where == "a.env:1"


def test_a_missing_file_is_named_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("env_file: a.env\n")
    with pytest.raises(RequestError, match=r"o\.yaml:1:11: the file .*a\.env does not exist"):
        load([str(tmp_path / "o.yaml")])


def test_a_format_that_is_not_dockers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("env_file: [{path: a.env, format: dotenv}]\n")
    with pytest.raises(RequestError, match="unknown format 'dotenv'"):
        load([str(tmp_path / "o.yaml")])


def test_a_file_of_very_many_variables_is_refused() -> None:
    with pytest.raises(RequestError, match=r"e\.env:50001: more than 50000 values"):
        parse_env_file(b"a=\n" * 50_001, "e.env", Budget())
