"""-e and --env-file: nothing is unquoted, and the client's own environment fills in names."""

import pytest

from bundler.errors import RequestError
from tests.overrides.docker_run.lines import client, keys

FILE = b"""\xef\xbb\xbf# a comment
ONE=1
TWO="quoted value"
FOUR=a b # not a comment

 \tINDENTED=yes
  # indented comment
KNOWN
UNKNOWN
EQ=a=b=c\r
ONE=again
"""


def test_a_name_takes_the_clients_value_or_removes_the_images() -> None:
    assert keys("-e", "A", "-e", "B", "image", by=client(A="from here"))["environment"] == ["A=from here", "B"]


def test_of_a_name_that_stands_twice_the_last_value_counts_in_the_first_place() -> None:
    assert keys("-e", "A=1", "-e", "B=2", "-e", "A=3", "image")["environment"] == ["A=3", "B=2"]


def test_a_file_is_read_as_docker_reads_it() -> None:
    given = keys("--env-file", "web.env", "-e", "ONE=3", "image", by=client({"web.env": FILE}, KNOWN="here"))
    variables = ["ONE=1", 'TWO="quoted value"', "FOUR=a b # not a comment", "INDENTED=yes", "KNOWN=here", "EQ=a=b=c"]
    assert given["env_file"] == [{"path": "web.env", "variables": [*variables, "ONE=again"]}]
    assert given["environment"] == ["ONE=3"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"A=1\n=x\n", "web.env:2: no variable name"),
        (b"A B=1\n", "web.env:1: the variable name 'A B' holds blanks"),
        (b"A =1\n", "web.env:1: the variable name 'A ' holds blanks"),
        (b"A=\xff\n", "web.env:1: not UTF-8"),
    ],
)
@pytest.mark.parametrize("flag", ["--env-file", "--label-file"])
def test_a_line_that_docker_refuses_is_named(flag: str, text: bytes, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        keys(flag, "web.env", "image", by=client({"web.env": text}))
    assert f"{flag}: {reason}" in str(refused.value)


def test_a_bare_name_does_not_take_away_what_a_file_sets() -> None:
    def removed(*more: str) -> list[str]:
        words = ["--env-file", "web.env", "-e", "ONE", "-e", "PATH", "-e", "TERM", "-e", "TWO", *more, "image"]
        given = keys(*words, by=client({"web.env": b"ONE=1\nPATH=/x\nTERM=dumb\n"}))
        return list(given["environment"])

    assert removed() == ["PATH", "TWO"]
    assert removed("-t") == ["PATH", "TERM", "TWO"]


@pytest.mark.parametrize("flag", ["--env-file", "--label-file"])
def test_a_file_that_is_missing_is_named(flag: str) -> None:
    with pytest.raises(RequestError, match=r"cannot read gone\.env"):
        keys(flag, "gone.env", "image")


@pytest.mark.parametrize("given", ["", "=x"])
def test_a_variable_has_a_name(given: str) -> None:
    with pytest.raises(RequestError, match="a variable has a name"):
        keys("-e", given, "image")
