import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import ImageError
from bundler.images.documents import Member, parse_document
from tests.support.messages import tells


def parse(raw: bytes) -> Member:
    return parse_document(raw, "manifest m")


def test_a_message_says_which_document_and_which_part_of_it() -> None:
    document = parse(b'{"layers": [{"size": "x"}]}')
    with pytest.raises(ImageError) as raised:
        next(document.get("layers").items()).get("size").number()
    assert tells(raised.value.what, "manifest m: layers[0].size: ", 'whole number "x"')


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"{", "not JSON", id="cut off"),
        pytest.param(b"{} {}", "not JSON", id="two documents"),
        pytest.param(b"\xef\xbb\xbf{}", "not JSON", id="byte order mark"),
        pytest.param(b'{"a": NaN}', "NaN is not a JSON value", id="NaN"),
        pytest.param(b'{"a": -Infinity}', "-Infinity is not a JSON value", id="infinity"),
        pytest.param(b'{"a": 1, "b": {"c": 1, "c": 2}}', 'the name "c" stands twice', id="same name twice"),
        pytest.param(b'{"\xff": 1, "\xfe": 2}', "stands twice", id="names that are the same once decoded"),
        pytest.param(b'"a\nb"', "not JSON", id="raw control character"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="arrays without end"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="objects without end"),
        pytest.param(b"9" * 5000, "more than 64 bits", id="a number of 5000 digits"),
        pytest.param(b'{"config": {"User": "0", "user": "1"}}', "are one name", id="two spellings of a name"),
        pytest.param('{"U\u017fer": "0", "user": "1"}'.encode(), "are one name", id="a long s"),
    ],
)
def test_what_is_no_document_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(ImageError) as raised:
        parse(raw)
    assert raised.value.what.startswith("manifest m: ")
    assert says in raised.value.what
    assert len(raised.value.what) < 300


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param(b'"\xff\xfe"', "\ufffd\ufffd", id="bytes that are not UTF-8, one by one"),
        pytest.param(b'"\xe2\x82"', "\ufffd\ufffd", id="a cut character, one for each byte"),
        pytest.param(b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd", id="a surrogate in UTF-8"),
        pytest.param(b'"\\ud800"', "\ufffd", id="a lone surrogate"),
        pytest.param(b'"\\ud83d\\ude00"', "\U0001f600", id="a pair of surrogates"),
        pytest.param(b'"\xc3\xa9"', "\u00e9", id="UTF-8"),
    ],
)
def test_text_is_decoded_as_go_decodes_it(raw: bytes, text: str) -> None:
    assert parse(raw).text() == text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("true", "true"),
        ("null", "null"),
        ("-1", "-1"),
        ("1.0", "1.0"),
        ('"1"', '"1"'),
        ("[]", "an array"),
        ("{}", "an object"),
        ("1e3", "1000.0"),
    ],
)
def test_what_is_no_whole_number_is_refused(content: str, says: str) -> None:
    with pytest.raises(ImageError, match="expected a whole number") as raised:
        parse(content.encode()).number()
    assert raised.value.what.endswith(f"found {says}")


def test_large_numbers_are_kept_exactly() -> None:
    assert parse(b"18446744073709551615").number() == 2**64 - 1


@pytest.mark.parametrize("name", ["User", "user", "USER", "u\u017fer"])
def test_a_member_is_found_by_any_spelling_that_go_takes_for_it(name: str) -> None:
    assert parse(json.dumps({name: "0"}).encode()).get("User").text() == "0"
    assert parse(json.dumps({name: None}).encode()).find("User") is None


def test_labels_keep_their_case() -> None:
    labels = parse(b'{"Labels": {"a": "1", "A": "2"}}').get("Labels")
    assert {name: part.text() for name, part in labels.members()} == {"a": "1", "A": "2"}


def test_null_and_absent_members_are_one() -> None:
    document = parse(b'{"a": null}')
    assert document.find("a") is None
    assert document.find("b") is None
    for name in ("a", "b"):
        with pytest.raises(ImageError, match=f"{name}: missing"):
            document.get(name)


def test_text_with_a_nul_is_refused() -> None:
    with pytest.raises(ImageError, match="NUL"):
        parse(b'"a\\u0000b"').text()


def test_escapes_in_names_and_texts_do_not_reach_the_terminal() -> None:
    document = parse(b'{"\\u001b[31m": {"a": "\\u001b[2J"}}')
    _, part = next(document.members())
    with pytest.raises(ImageError) as raised:
        part.get("a").number()
    assert "\x1b" not in raised.value.what


def test_a_long_text_is_cut_in_the_message() -> None:
    with pytest.raises(ImageError) as raised:
        parse(json.dumps("x" * 1_000_000).encode()).number()
    assert len(raised.value.what) < 300


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc\u00e9 ."), inner, max_size=4),
)


@given(json_values)
def test_any_document_comes_back_as_it_was(value: object) -> None:
    assert parse(json.dumps(value).encode()).content == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_an_image_error(raw: bytes) -> None:
    try:
        parse(raw)
    except ImageError as error:
        assert error.what.startswith("manifest m: ")  # noqa: PT017 - both ways are right
