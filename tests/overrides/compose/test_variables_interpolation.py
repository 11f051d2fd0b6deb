"""Variables in texts, as compose replaces them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.overrides.compose.variables import BadVariableError, Variables, substitute

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
    ("text", "message"),
    [
        ("${A", "${A has no closing brace"),
        ("${}", "${} is no variable"),
        ("${1}", "${1} is no variable"),
        ("${A!}", "${A!} is no variable"),
        ("${A B}", "${A B} is no variable"),
        ("${A:x}", "${A:x} is no variable"),
        ("${NONE?}", "the variable NONE is not set"),
        ("${EMPTY:?give one}", "the variable EMPTY is empty: give one"),
        ("${NONE:?use $A}", "the variable NONE is not set: use a"),
        ("${NONE:?\x1b[2J}", "the variable NONE is not set: \\x1b[2J"),
        ("${A:-" * 200 + "}" * 200, None),
        ("${N:-" * 200 + "}" * 200, "variables inside variables are nested too deeply"),
    ],
    ids=range(12),
)
def test_what_compose_refuses_is_refused(text: str, message: str | None) -> None:
    if message is None:
        assert substituted(text) == "a"
        return
    with pytest.raises(BadVariableError) as caught:
        substituted(text)
    assert str(caught.value) == message


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
