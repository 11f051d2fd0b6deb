"""YAML text as nodes: what is text, what is a number, and what no reader of YAML should have to guess."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.overrides.yaml_document import MAXIMUM_BYTES, parse, shown_name
from tests.support.messages import tells


def read(text: str) -> Any:
    return parse(text.encode(), "o.yaml").plain()


def refused(text: str | bytes) -> str:
    with pytest.raises(RequestError) as caught:
        parse(text.encode() if isinstance(text, str) else text, "o.yaml")
    return caught.value.what


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("33:33", "33:33"),
        ("2001-12-14", "2001-12-14"),
        ("127.0.0.1", "127.0.0.1"),
        ("1.2.3", "1.2.3"),
        ("TruE", "TruE"),
        ("=", "="),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("Null", None),
        ("", None),
        ("0", 0),
        ("-1", -1),
        ("+12", 12),
        ("0o17", 15),
        ("0xff", 255),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ('"\\u00e9"', "é"),
        ('"\\ud83d\\ude00"', "😀"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    read_value = read(f"key: {written}")["key"]
    assert (type(read_value), read_value) == (type(value), value)


@pytest.mark.parametrize(
    "written",
    ["010", "-01", "1_000", "0b11", ".inf", "-.INF", ".nan", "1e999", "!!int abc", "!!bool yes", "!!float x"],
)
def test_what_readers_of_yaml_do_not_agree_on_is_refused(written: str) -> None:
    assert refused(f"key: {written}").startswith("o.yaml:1:6: ")


@pytest.mark.parametrize("written", ["yes", "33:33", "010"])
def test_a_yaml_1_1_document_is_not_read_as_1_2_in_silence(written: str) -> None:
    assert refused(f"%YAML 1.1\n---\nkey: {written}\n").startswith("o.yaml:3:6: ")


def test_a_number_remembers_how_it_was_written() -> None:
    assert parse(b"version: 1.10", "o.yaml").entries()["version"].written == "1.10"


def test_a_value_and_its_key_remember_where_they_stand() -> None:
    node = parse(b"a: 1\nkey:\n  - x\n", "o.yaml").entries()["key"]
    assert (node.key_where, node.items()[0].origin.where) == ("o.yaml:2:1", "o.yaml:3:5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "o.yaml:2:1: the key a stands twice in one map"),
        ("x: {b: 1, 'b': 2}", "o.yaml:1:11: the key b stands twice in one map"),
        ("? [a]\n: b", "o.yaml:1:3: a key has to be text"),
        ("a: !foo b", "o.yaml:1:4: unknown tag !foo (known: !reset, !override)"),
        ("a: !!binary aGk=", "o.yaml:1:4: unknown tag tag:yaml.org,2002:binary (known: !reset, !override)"),
        ("a: *x", "o.yaml:1:4: the alias *x has no anchor above it"),
        ("a: &a {b: *a}", "o.yaml:1:4: an alias that holds itself"),
        ("a: &a {<<: *a}", "o.yaml:1:4: an alias that holds itself"),
        ("a: {<<: [1]}", "o.yaml:1:10: << takes a map or a list of maps"),
        ("a: 1\n---\nb: 2", "o.yaml:2:1: a second document, behind ---"),
        ("a: [1", "o.yaml:1:4: the [ that opens here is not closed where it should be: 1:6 has"),
        ("a: b: c", "o.yaml:1:5: a second : in one line"),
        ('a: "\\0"', "o.yaml:1:4: text cannot hold a NUL"),
        ('"\\0": a', "o.yaml:1:1: text cannot hold a NUL"),
        ('a: "\\ud800"', "o.yaml:1:4: text cannot hold half of a surrogate pair"),
        ('a: "\\U00110000"', "o.yaml: "),
        ('a: "\\UFFFFFFFF"', "o.yaml: "),
        ("a: " + "9" * 41, "o.yaml:1:4: a number of 41 digits"),
        ("a: " + "[" * 101 + "]" * 101, "nested too deeply"),
        ("a: " + "[" * 1000, "o.yaml: nested too deeply"),
        (b"a: \xff", "o.yaml: not UTF-8 at byte 3"),
        (b"\0", "o.yaml:1:1: a character that no text file has"),
        (b"#" * (MAXIMUM_BYTES + 1), "are more than an overrides file may hold"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(text: str | bytes, message: str) -> None:
    assert message in refused(text)


def test_ten_lines_of_aliases_do_not_become_a_billion_values() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "more than 50000 values, aliases included" in refused("\n".join(lines))


def test_aliases_do_not_make_of_one_text_a_thousand() -> None:
    message = refused(f"- &a {'x' * 100_000}\n" + "- *a\n" * 1000)
    assert tells(message, "o.yaml:1:3: ", "16777216 characters")


@pytest.mark.slow
@pytest.mark.parametrize("text", ["[" + "1," * 200_000 + "]", "- \n" * 200_000])
def test_what_is_far_too_much_is_refused_before_all_of_it_is_read(text: str) -> None:
    assert re.fullmatch(r"o\.yaml:(1:200000|100000:2): more than 50000 values", refused(text))


def test_a_merge_key_adds_what_a_map_does_not_say_itself() -> None:
    text = "x-a: &a {one: a, two: a}\nx-b: &b {two: b, three: b}\nkey: {<<: [*a, *b], one: own}\n"
    assert read(text)["key"] == {"one": "own", "two": "a", "three": "b"}


def test_an_anchor_may_be_given_anew() -> None:
    assert read("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\ufeff", "---\n...\n"])
def test_an_empty_file_is_an_empty_map_or_null(text: str) -> None:
    assert read(text) in ({}, None)


def test_what_stands_behind_reset_is_not_looked_at() -> None:
    node = parse(b"a: !reset [1, 2]", "o.yaml").entries()["a"]
    assert (node.value, node.tag) == (None, "!reset")


def test_json_indented_by_tabs_is_read_as_docker_writes_it() -> None:
    document = {"names": ["a", "b"], "nested": {"value": 4294967295}, "none": None}
    assert read(json.dumps(document, indent="\t")) == document


@pytest.mark.parametrize(
    ("path", "shown"), [("/home/me/o.yaml", "o.yaml"), ("-", "<standard input>"), ("a\x1bb.yaml", r"a\x1bb.yaml")]
)
def test_a_file_is_called_the_same_in_any_folder(path: str, shown: str) -> None:
    assert shown_name(path) == shown


json_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | json_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(json_texts, json_values, max_size=4))
def test_json_is_read_as_json(document: dict[str, Any]) -> None:
    assert read(json.dumps(document)) == document


YAML_PIECES = st.sampled_from(
    [
        *("a", "b: ", "- ", "? ", ": ", "\n", "\n  ", "{", "}", "[", "]", ",", "<<: ", "#", "|\n", ">\n", "\t", "\x85"),
        *("&x ", "*x ", "!reset ", "!override ", "!!int ", "!x ", "'", '"', "\\", "0o7", "1_0", "~"),
        *("%YAML 1.1\n", "---\n", "...\n"),
    ]
)


def what_is_refused(text: bytes) -> str | None:
    """The message, or None where the text is read: then as something JSON can say."""
    try:
        json.dumps(parse(text, "o.yaml").plain(), allow_nan=False)
    except RequestError as error:
        return error.what
    return None


@given(
    st.one_of(st.binary(max_size=60), st.lists(YAML_PIECES, max_size=25).map(lambda pieces: "".join(pieces).encode()))
)
def test_any_bytes_are_read_or_refused_in_one_line(text: bytes) -> None:
    message = what_is_refused(text)
    assert message is None or (message.startswith("o.yaml") and message.isprintable())


@given(st.floats())
def test_a_float_is_never_something_json_cannot_say(number: float) -> None:
    text = f"key: {number!r}"
    if math.isfinite(number):
        assert read(text)["key"] == number
    else:
        text = text.replace("inf", ".inf").replace("nan", ".nan")
        assert refused(text).endswith("is text to some readers of YAML only")
