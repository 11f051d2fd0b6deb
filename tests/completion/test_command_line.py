"""Where the word stands that is half typed."""

import pytest

from bundler.completion.command_line import place

OUTPUT = {"names": ["-o", "--output"], "takes": "DIR", "many": False, "panel": "", "help": ""}
QUIET = {"names": ["-q", "--quiet"], "takes": "", "many": False, "panel": "", "help": ""}
LIMIT = {"names": ["--limit"], "takes": "NAME=N", "many": True, "panel": "", "help": ""}
BUILD = {
    "arguments": [{"metavar": "IMAGE", "many": False}, {"metavar": "FILE...", "many": True}],
    "options": ["--output", "--quiet", "--limit"],
}
RUN = {"arguments": [{"metavar": "WORDS", "many": True}], "options": ["--quiet"], "interspersed": False}
TABLE = {
    "bundler": {
        "arguments": [],
        "options": ["--quiet"],
        "commands": {"build": BUILD, "family": {"arguments": [], "options": [], "commands": {"run": RUN}}},
    },
    "options": {"--output": OUTPUT, "--quiet": QUIET, "--limit": LIMIT},
}

# The words; what stands before the value, the value, its metavar and its option.
PLACES = [
    ("bui", ("", "bui", "", "")),
    ("--quiet bui", ("", "bui", "", "")),
    ("family r", ("", "r", "", "")),
    ("help bui", ("", "bui", "", "")),
    ("help family r", ("", "r", "", "")),
    ("build ng", ("", "ng", "IMAGE", "")),
    ("build nginx b", ("", "b", "FILE...", "")),
    ("build nginx a b c", ("", "c", "FILE...", "")),
    ("build -o d", ("", "d", "DIR", "--output")),
    ("build -qo d", ("", "d", "DIR", "--output")),
    ("build -od ng", ("", "ng", "IMAGE", "")),
    ("build -q ng", ("", "ng", "IMAGE", "")),
    ("build --output d", ("", "d", "DIR", "--output")),
    ("build --output=d", ("--output=", "d", "DIR", "--output")),
    ("build --output=d ng", ("", "ng", "IMAGE", "")),
    ("build --limit=a=1 --limit=b", ("--limit=", "b", "NAME=N", "--limit")),
    ("build --quiet=x", ("", "--quiet=x", "IMAGE", "")),
    ("build --nonsense ng", ("", "ng", "IMAGE", "")),
    ("build -x ng", ("", "ng", "IMAGE", "")),
    ("build -- --output=d", ("", "--output=d", "IMAGE", "")),
    ("build - b", ("", "b", "FILE...", "")),
    ("family run a -q", ("", "-q", "WORDS", "")),
]


@pytest.mark.parametrize(("words", "expected"), PLACES, ids=[words for words, _ in PLACES])
def test_a_word_is_a_command_an_argument_or_the_value_of_an_option(
    words: str, expected: tuple[str, str, str, str]
) -> None:
    at = place(TABLE, words.split())
    assert (at.head, at.word, at.metavar, at.option) == expected


def test_what_else_is_on_the_line_is_known() -> None:
    at = place(TABLE, ["build", "nginx", "a", "-qo", "web", "--limit", "x=1", "--limit=y=2", "b"])
    assert at.options == {"--quiet": [""], "--output": ["web"], "--limit": ["x=1", "y=2"]}
    assert at.arguments == {"IMAGE": ["nginx"], "FILE...": ["a"]}
    assert (at.last("--limit"), at.last("--store", "IMAGE"), at.last("--store")) == ("y=2", "nginx", None)


def test_an_option_ends_where_click_ends_it() -> None:
    assert place(TABLE, ["build", "--", ""]).ended
    assert not place(TABLE, ["build", "nginx", ""]).ended
    assert place(TABLE, ["family", "run", "a", ""]).ended
