"""How each shell says what was typed, and how it is told what may follow."""

import pytest

from bundler.completion.candidate import Candidate
from bundler.completion.shells import for_bash, for_fish, for_zsh, quoted, read_line

BREAKS = " \t\n\"'@><=;|&(:"

# A line up to the cursor: its words, how much of the last one readline keeps, and the quote that is open.
LINES = {
    "": ([""], 0, ""),
    "a": (["a"], 0, ""),
    "a ": (["a", ""], 0, ""),
    "a  b": (["a", "b"], 0, ""),
    "a\\ b": (["a b"], 0, ""),
    "a 'b c": (["a", "b c"], 0, "'"),
    "a 'b c' ": (["a", "b c", ""], 0, ""),
    'a "b\\"c\\d': (["a", 'b"c\\d'], 0, '"'),
    "a docker-archive:b": (["a", "docker-archive:b"], 15, ""),
    "a docker-archive:b:c:d": (["a", "docker-archive:b:c:d"], 19, ""),
    "a --limit=la": (["a", "--limit=la"], 8, ""),
    "a b\\:c": (["a", "b:c"], 0, ""),
    "a 'b:c": (["a", "b:c"], 0, "'"),
    "a b:'c d": (["a", "b:c d"], 2, "'"),
    "a docker@2": (["a", "docker@2"], 6, ""),
    "a '' b": (["a", "", "b"], 0, ""),
    "a\\": (["a\\"], 0, ""),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_bash_is_read_as_bash_reads_it(line: str) -> None:
    assert tuple(read_line(line, BREAKS)) == LINES[line]


def test_a_word_alone_may_hold_blanks() -> None:
    assert read_line("two words\\:x", blanks="").words == ["two words:x"]


@pytest.mark.parametrize(
    ("value", "quote", "expected"),
    [
        ("a b$c", "", "a\\ b\\$c"),
        ("it's", "'", "it'\\''s"),
        ("it's", '"', "it's"),
        ('a "b" $c', '"', 'a \\"b\\" \\$c'),
        ("nginx:1.27", "", "nginx:1.27"),
        ("~x", "", "~x"),
    ],
)
def test_a_value_is_quoted_for_where_it_stands(value: str, quote: str, expected: str) -> None:
    assert quoted(value, quote) == expected


def test_bash_gets_only_what_it_has_not_got_yet() -> None:
    typed = read_line("bundler build docker-archive:a", BREAKS)
    assert for_bash(typed, [Candidate("docker-archive:a b"), Candidate("docker-archive:ab")]) == "\na\\ b\nab"


def test_bash_quotes_paths_itself_and_puts_no_space_where_more_can_follow() -> None:
    typed = read_line("bundler build a", BREAKS)
    assert for_bash(typed, [Candidate("a b", path=True), Candidate("ac", path=True)]) == "filenames\na b\nac"
    assert for_bash(typed, [Candidate("oci:", open=True)]) == "nospace\noci:"
    assert for_bash(typed, []) == ""


def test_zsh_gets_values_whose_colons_are_no_ends() -> None:
    candidates = [Candidate("oci:", "a folder: its path. More.", open=True), Candidate("a:1")]
    assert for_zsh(read_line("a"), candidates) == "+oci\\::a folder: its path\n-a\\:1"


def test_fish_gets_values_and_short_descriptions() -> None:
    long = "word " * 30
    told = for_fish(read_line("a"), [Candidate("a", "Do it. And more."), Candidate("b"), Candidate("c", long)])
    first, second, third = told.splitlines()
    assert (first, second) == ("a\tDo it", "b")
    assert third.endswith("word ...")
    assert len(third) < 80
