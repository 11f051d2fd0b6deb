"""Every style of a YAML scalar is read as another parser, PyYAML, reads it."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.overrides.yaml_document import parse

BLANKS = st.sampled_from(["", " ", "  ", "\t"])
WORDS = st.text(st.sampled_from("ab: #-'\"\\é😀%{}[]&*!|>?,$~\t"), max_size=6)
LINES = st.lists(st.tuples(BLANKS, WORDS, BLANKS).map("".join), max_size=6)
DOCUMENTS = st.sampled_from(["k: {}z: 1\n", "k: {}", "k: {}# a comment\nz: 1\n"])


@st.composite
def block_scalars(draw: st.DrawFn) -> str:
    """`|` or `>`, with every chomping and indentation indicator, on lines that may be empty or more indented."""
    width = draw(st.integers(1, 4))
    indicators = [draw(st.sampled_from(["", "-", "+"])), draw(st.sampled_from(["", str(width)]))]
    header = "".join(
        [draw(st.sampled_from("|>")), *draw(st.permutations(indicators)), draw(st.sampled_from(["", " #"]))]
    )
    body = [(" " * width if line or draw(st.booleans()) else "") + line for line in draw(LINES)]
    text = draw(DOCUMENTS).format("\n".join([header, *body]) + "\n")
    return text.rstrip("\n") if draw(st.booleans()) else text


@st.composite
def flow_scalars(draw: st.DrawFn) -> str:
    """Plain, single-quoted and double-quoted text over several lines."""
    quote = draw(st.sampled_from(["'", '"', ""]))
    words = draw(st.lists(st.text(st.sampled_from("ab\\ nt\tx-é"), max_size=5), min_size=1, max_size=5))
    breaks = st.sampled_from([" ", "\n  ", "\n\n  ", "\n \n  ", " \n\t ", "\n  \n\n "])
    return f"k: {quote}{''.join(word + draw(breaks) for word in words).rstrip()}{quote}\nz: 1\n"


def read_by_pyyaml(text: str) -> dict[str, str] | None:
    """The scalars of a map as text; None where the text is refused."""
    try:
        root: Any = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    return {key.value: node.value for key, node in root.value if isinstance(node, yaml.ScalarNode)}


def read_here(text: str) -> dict[str, str] | None:
    try:
        entries = parse(text.encode(), "o.yaml").entries()
    except RequestError:
        return None
    return {key: node.written for key, node in entries.items() if not isinstance(node.value, dict | tuple)}


@given(block_scalars() | flow_scalars())
def test_a_scalar_is_read_as_by_another_parser(text: str) -> None:
    assert read_here(text) == read_by_pyyaml(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(">\n  one\n  two\n", "one two\n", id="a fold is a blank"),
        pytest.param(">-\n  one\n  two\n", "one two", id="stripped"),
        pytest.param(">+\n  one\n  two\n\n", "one two\n\n", id="kept"),
        pytest.param(">\n  one\n\n  two\n", "one\ntwo\n", id="an empty line is a line break"),
        pytest.param(">\n  one\n    more\n  two\n", "one\n  more\ntwo\n", id="more indented lines are not folded"),
        pytest.param("|\n \n   text\n", "\ntext\n", id="an empty line with fewer blanks in front"),
        pytest.param("|2\n   text\n", " text\n", id="with its indentation"),
    ],
)
def test_a_block_scalar_has_the_text_that_yaml_says(text: str, value: str) -> None:
    assert parse(f"k: {text}".encode(), "o.yaml").entries()["k"].value == value
