"""Variables in texts, as compose replaces them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.overrides.compose.variables import BadVariableError, Variables, substitute
from tests.support.messages import tells

KNOWN = {"A": "a", "B_2": "b", "EMPTY": "", "DOLLAR": "$A"}


def substituted(text: str) -> str:
    return substitute(text, Variables(KNOWN), "c.yaml:1:1")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("$A", "a"),
        ("$A/$B_2", "a/b"),
        ("${A}x", "ax"),
        ("$$A", "$A"),
        ("$$$A", "$a"),
        ("$${A}", "${A}"),
        ("cost: 5$", "cost: 5$"),
        ("$1 $- $", "$1 $- $"),
        ("$NONE.", "."),
        ("${NONE}", ""),
        ("${EMPTY-d}", ""),
        ("${EMPTY:-d}", "d"),
        ("${NONE-d}", "d"),
        ("${A:-d}", "a"),
        ("${A:+d}", "d"),
        ("${NONE:+d}", ""),
        ("${EMPTY:+d}", ""),
        ("${EMPTY+d}", "d"),
        ("${A?no}${EMPTY?no}", "a"),
        ("${NONE:-${A}}", "a"),
        ("${NONE:-${OTHER:-${B_2}}}/x", "b/x"),
        ("${NONE:-$A}", "a"),
        ("${NONE:-$$A}", "$A"),
        ("${DOLLAR}", "$A"),
        ('${NONE:-{"a": {}}}', '{"a": {}}'),
        ("${NONE:-{}", "{"),
        ("${NONE:-http://x:80/?a=1}", "http://x:80/?a=1"),
        ("${NONE:-two\nlines}", "two\nlines"),
        ("${NONE:-}", ""),
        ("${A:+}", ""),
    ],
)
def test_a_text_with_variables(text: str, result: str) -> None:
    assert substituted(text) == result


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${A", "${A brace"),
        ("${}", "${}"),
        ("${1}", "${1}"),
        ("${A!}", "${A!}"),
        ("${A B}", "${A B}"),
        ("${A:x}", "${A:x}"),
        ("${NONE?}", "NONE not set"),
        ("${EMPTY:?give one}", "EMPTY empty: give one"),
        ("${NONE:?use $A}", "NONE not set: use a"),
        ("${NONE:?\x1b[2J}", "NONE not set: \\x1b[2J"),
        ("${A:-" * 200 + "}" * 200, None),
        ("${N:-" * 200 + "}" * 200, "nested deeply"),
    ],
    ids=range(12),
)
def test_what_compose_refuses_is_refused(text: str, words: str | None) -> None:
    if words is None:
        assert substituted(text) == "a"
        return
    with pytest.raises(BadVariableError) as caught:
        substituted(text)
    assert tells(str(caught.value), "", words)


def test_few_words_cannot_make_an_endless_text() -> None:
    with pytest.raises(BadVariableError, match="a text of more than 1048576 characters"):
        substitute("$A" * 1000, Variables({"A": "x" * 10_000}), "c.yaml:1:1")


def test_what_is_not_set_is_told_with_its_name_and_place() -> None:
    told: list[str] = []
    substitute("$TAG ${TAG} ${X:-$Y} ${A:-$Z}", Variables(KNOWN, told.append), "c.yaml:3:7")
    assert told == [
        *["warning: c.yaml:3:7: the variable TAG is not set, and nothing stands in its place"] * 2,
        "warning: c.yaml:3:7: the variable Y is not set, and nothing stands in its place",
    ]


TEXTS = st.text(st.one_of(st.sampled_from("${}:-+?AB_ "), st.characters()), max_size=40)


@given(TEXTS)
def test_any_text_gives_a_text_or_one_complaint(text: str) -> None:
    try:
        assert isinstance(substituted(text), str)
    except BadVariableError as error:
        assert "\n" not in str(error)  # noqa: PT017  (a complaint is as good as a result)


@given(TEXTS)
def test_a_text_with_its_dollars_doubled_is_itself(text: str) -> None:
    assert substituted(text.replace("$", "$$")) == text


@given(st.text().filter(lambda text: "$" not in text))
def test_a_text_without_dollars_is_itself(text: str) -> None:
    assert substituted(text) == text
