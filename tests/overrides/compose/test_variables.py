"""Files of variables, as compose reads its .env and the files of env_file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.overrides.compose.variables import Variables, parse_variables
from tests.support.messages import tells


def parsed(text: str | bytes, **known: str) -> dict[str, str]:
    raw = text if isinstance(text, bytes) else text.encode()
    return {name: node.text() for name, node in parse_variables(raw, "web.env", Variables(known)).items()}


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        ("# only a comment\n\n  \n", {}),
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("  A = 1 \n", {"A": "1"}),
        ("export A=1\n", {"A": "1"}),
        ("A: 1\n", {"A": "1"}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("A=1 # why\nB=1#2\nC=#3\n", {"A": "1", "B": "1#2", "C": "#3"}),
        ("A='1 # 2' # why\n", {"A": "1 # 2"}),
        ("A='$B \\n \\''\n", {"A": "$B \\n '"}),
        ('A="\\t\\"x\\" \\\\ \\$A"\n', {"A": '\t"x" \\ $A'}),
        ('A="two\nlines"\nB=3', {"A": "two\nlines", "B": "3"}),
        ("A=x=y\n", {"A": "x=y"}),
        ("A=1\nB=${A}2\nC=$NONE\n", {"A": "1", "B": "12", "C": ""}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1", {"A": "1"}),
        ("GIVEN\nNOT\n", {"GIVEN": "outside"}),
        ("GIVEN=inside\nA=$GIVEN", {"GIVEN": "inside", "A": "outside"}),
        ("A.b-c[0]=1", {"A.b-c[0]": "1"}),
        ('A="" # empty\nB=2', {"A": "", "B": "2"}),
    ],
    ids=range(21),
)
def test_a_file_of_variables(text: str, variables: dict[str, str]) -> None:
    assert parsed(text, GIVEN="outside") == variables


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("A=1\n=2", "web.env:2: ", "'=2' NAME=VALUE"),
        ("A B=1", "web.env:1: ", "'A B=1' NAME=VALUE"),
        ("A='1\n\n", "web.env:1: ", "quote closed"),
        ('A="1"2', "web.env:1: ", "'2' behind quote"),
        ('\nA="1\n2"\nB=${', "web.env:4: ", "${ brace"),
        ("B=${C:?which}", "web.env:1: ", "C not set: which"),
        (b"A=\xff", "web.env: ", "UTF-8"),
        ("A=\0", "web.env: ", "NUL"),
    ],
    ids=range(8),
)
def test_a_mistake_is_named_with_file_and_line(text: str | bytes, place: str, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        parsed(text)
    assert tells(caught.value.what, place, words)


def test_a_variable_knows_its_line() -> None:
    found = parse_variables(b"\nA='\n'\nB=1", "web.env", Variables())
    assert [node.origin.where for node in found.values()] == ["web.env:2", "web.env:4"]


@given(st.text(st.one_of(st.sampled_from("A=:'\"\\$# {}\n"), st.characters(exclude_categories=["Cs"])), max_size=60))
def test_any_file_gives_variables_or_one_complaint(text: str) -> None:
    try:
        found = parsed(text)
    except RequestError as error:
        assert "\n" not in error.what  # noqa: PT017  (a complaint is as good as a result)
    else:
        assert all(name and "=" not in name for name in found)


def test_many_variables_take_no_time_out_of_proportion() -> None:
    assert len(parsed("".join(f"A{number}=$A{number - 1}x\n" for number in range(1, 2000)))) == 1999


DOUBLING = "A0=" + "x" * 500_000 + "\n" + "".join(f"A{number}=$A0$A0\n" for number in range(1, 500))


def test_few_lines_cannot_make_endless_variables() -> None:
    with pytest.raises(RequestError) as raised:
        parsed(DOUBLING)
    assert tells(raised.value.what, "web.env:9: ", "16777216 characters")


def test_a_file_of_very_many_variables_is_refused() -> None:
    with pytest.raises(RequestError, match=r"web\.env:50001: more than 50000 values"):
        parsed("".join(f"a{number}=\n" for number in range(60_000)))
