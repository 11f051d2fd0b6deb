"""What two readers of JSON could read differently is refused, whoever has written it."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.strict_json import JsonError, fold, parse

REFUSED = {
    "nothing": (b"", "it ends in the middle"),
    "blanks": (b" \n", "it ends in the middle"),
    "half of it": (b'{"a"', "not JSON at line 1, column 5: it ends in the middle"),
    "a second document": (b"{}\n{}", "line 2, column 1: there is more behind the end"),
    "something behind it": (b"{}]", "there is more behind the end"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "BOM"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8 at byte 0"),
    "UTF-16 without a mark": ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
    "UTF-32": ('{"a": 1}'.encode("utf-32"), "not UTF-8"),
    "UTF-32 without a mark": ('{"a": 1}'.encode("utf-32-be"), "not JSON"),
    "Latin-1": ('{"ä": 1}'.encode("latin-1"), "not UTF-8 at byte 2"),
    "half of a surrogate pair": (b'{"a": "\\ud800"}', "half of a surrogate pair"),
    "the halves in the wrong order": (b'{"a": ["\\ude00\\ud83d"]}', "half of a surrogate pair"),
    "half of a surrogate pair in a name": (b'{"\\udfff": 1}', "half of a surrogate pair"),
    "NaN": (b"[NaN]", "NaN is not a JSON value"),
    "infinity": (b"[-Infinity]", "-Infinity is not a JSON value"),
    "a number that is infinite to floats": (b"[1e999]", "1e999 is too large a number"),
    "a number of 5000 digits": (b"9" * 5000, "more than 64 bits"),
    "one more than 64 bits": (b"[18446744073709551616]", "18446744073709551616 is a number of more than 64 bits"),
    "one less than 64 bits": (b"[-9223372036854775809]", "more than 64 bits"),
    "a leading zero": (b"[01]", "not JSON"),
    "a plus": (b"[+1]", "not JSON"),
    "a comma too many": (b"[1,]", "not JSON"),
    "a comment": (b"[1] // one", "not JSON"),
    "single quotes": (b"{'a': 1}", "not JSON"),
    "a raw line break in a text": (b'"a\nb"', "not JSON"),
    "a form feed between values": (b"[1,\f2]", "not JSON"),
    "a name twice": (b'{"a": 1, "b": {"c": 1, "c": 2}}', 'the name "c" stands twice'),
    "a name twice, once escaped": (b'{"a": 1, "\\u0061": 2}', 'the name "a" stands twice'),
    "two spellings of a name": (b'{"process": 1, "Process": 2}', '"process" and "Process" in one object are one name'),
    "two spellings in a list": (b'[[{"uid": 1, "UID": 2}]]', "are one name"),
    "a long s": ('{"args": 1, "arg\u017f": 2}'.encode(), "are one name"),
    "a kelvin sign": ('{"masKedPaths": 1, "mas\u212aedPaths": 2}'.encode(), "are one name"),
    "two spellings below a map": (b'{"annotations": {"a": {"b": 1, "B": 2}}}', "are one name"),
    "two spellings in a list that is called as a map": (b'{"annotations": [{"b": 1, "B": 2}]}', "are one name"),
    "two spellings of a map": (b'{"annotations": {}, "Annotations": {}}', "are one name"),
    "arrays without end": (b"[" * 100_000, "nested too deeply"),
    "objects without end": (b'{"a":' * 100_000, "nested too deeply"),
    "deeper than anything is": (b'{"a":' * 101 + b"[]" + b"}" * 101, "nested too deeply"),
}


@pytest.mark.parametrize(("raw", "says"), REFUSED.values(), ids=REFUSED)
def test_what_two_readers_could_read_differently_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(JsonError) as refused:
        parse(raw, maps={"annotations"})
    assert says in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


ACCEPTED = {
    "names of anyone's choice": b'{"annotations": {"a": "1", "A": "2"}}',
    "the same under another spelling of the map": b'{"Annotations": {"a": "1", "A": "2"}}',
    "one name in two objects": b'[{"a": 1}, {"A": 1}]',
    "one of two spellings": b'{"PROCESS": 1}',
    "letters that only other rules hold equal": '{"\ufb01": 1, "fi": 2, "\u00df": 3, "ss": 4}'.encode(),
    "letters of two cases beyond ASCII": '{"\u00e4": 1, "\u00c4": 2}'.encode(),
    "a pair of surrogates": b'"\\ud83d\\ude00"',
    "an escaped backslash": b'"\\\\ud800"',
    "the largest numbers": b"[18446744073709551615, -9223372036854775808, 1e308, -0]",
    "as deep as may be": b'{"a":' * 99 + b"[[]]" + b"}" * 99,
    "blanks around it": b" \t\r\n{}\n",
}


@pytest.mark.parametrize("raw", ACCEPTED.values(), ids=ACCEPTED)
def test_what_all_readers_agree_about_is_read(raw: bytes) -> None:
    assert parse(raw, maps={"annotations"}) == json.loads(raw)


@pytest.mark.parametrize("letter", ["s", "S", "\u017f", "k", "K", "\u212a"])
def test_names_are_folded_as_go_folds_those_of_fields(letter: str) -> None:
    assert fold(f"ma{letter}-x") in ("mas-x", "mak-x")


def test_where_no_go_program_reads_spellings_are_names() -> None:
    assert parse(b'{"a": 1, "A": 2}', maps=None) == {"a": 1, "A": 2}


def test_what_is_not_text_is_repaired_as_go_does() -> None:
    assert parse(b'{"\xff": "\xed\xa0\x80"}', maps=(), repair=True) == {"\ufffd": "\ufffd" * 3}
    with pytest.raises(JsonError, match="stands twice"):
        parse(b'{"\xff": 1, "\\ud800": 2}', maps=(), repair=True)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:0e-\\uKk\x1b ', max_size=50).map(str.encode))
def test_any_bytes_are_a_document_or_a_json_error(raw: bytes) -> None:
    for repair in (False, True):
        with suppress(JsonError):
            parse(raw, maps={"a"}, repair=repair)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(values)
def test_any_value_comes_back_as_it_was(value: object) -> None:
    assert parse(json.dumps(value).encode(), maps=None) == value


def test_a_name_twice_among_very_many_is_found_in_one_pass() -> None:
    """A pass for each name would be ten thousand million steps: the end of this test would not be seen."""
    members = ",".join(f'"k{number}":1' for number in range(150_000))
    with pytest.raises(JsonError, match='the name "k0" stands twice'):
        parse(f'{{{members},"k0":1}}'.encode(), maps=())


def test_two_spellings_among_very_many_are_found_in_one_pass() -> None:
    members = ",".join(f'"k{number}":1' for number in range(150_000))
    with pytest.raises(JsonError, match='"k0" and "K0" in one object'):
        parse(f'{{{members},"K0":1}}'.encode(), maps=())
