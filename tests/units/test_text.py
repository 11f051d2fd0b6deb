import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.units.text import command_line, plain_paths, time_span, unit_text
from tests.support.systemd import words_of

words = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1)


@given(words)
def test_systemd_reads_the_very_words_whatever_they_are(given: list[str]) -> None:
    line = command_line(given)
    assert line.isascii()
    assert line.isprintable()
    assert words_of(line) == given


def test_what_systemd_would_act_on_is_written_so_that_it_does_not() -> None:
    hostile = ["a b", 'x"y\\', "%n", "$HOME", ";", "", "l\n[Service]\nUser=root", "é", "b\udcff", "-x", "a=b"]
    assert command_line(hostile) == (
        '"a b" "x\\"y\\\\" "%%n" "$$HOME" ";" "" "l\\x0a[Service]\\x0aUser=root" "\\xc3\\xa9" "b\\xff" -x a=b'
    )


@pytest.mark.parametrize("word", ["a\0b", "\ud800"], ids=["NUL", "half a character"])
def test_what_can_be_no_word_is_refused(word: str) -> None:
    with pytest.raises(RequestError, match="cannot stand on a command line"):
        command_line([word])


def test_in_a_list_of_paths_stands_only_what_needs_no_quotes() -> None:
    assert plain_paths(["/a/b", "/a/b", "/100%", "/a b", "/x\ny", '/"']) == "/a/b /100%%"
    assert plain_paths(["/a b"]) is None


def test_empty_rows_and_sections_are_left_out() -> None:
    assert (
        unit_text(Unit=[("A", "1"), ("B", None)], Service=[], Install=[("C", "2")]) == "[Unit]\nA=1\n\n[Install]\nC=2\n"
    )


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "1us"), (1500, "1us"), (10**9, "1s"), (15 * 10**8, "1500ms"), (10**6 + 1000, "1001us")],
)
def test_times_are_in_the_largest_unit_that_fits(nanoseconds: int, text: str) -> None:
    assert time_span(nanoseconds) == text
