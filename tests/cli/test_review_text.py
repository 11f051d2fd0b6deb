"""The review as text: in its columns, on any terminal, whatever an image says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.approval.review import setters
from bundler.cli.output.terminal import width as width_of
from bundler.cli.review_text import lines, wrapped
from tests.support.hostile_names import HOSTILE
from tests.support.reviews import review_of


@pytest.mark.parametrize("width", [80, 60, 52])
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_every_line_fits_and_is_fit_for_a_terminal(hostile: str, width: int) -> None:
    for line in lines(review_of(hostile), width):
        assert width_of(line) <= width
        assert line.isprintable()
        assert line == line.rstrip()


@given(st.text(), st.integers(min_value=2, max_value=30))
def test_what_is_wrapped_fits_and_loses_nothing(content: str, width: int) -> None:
    found = wrapped(content, width)
    assert all(width_of(line) <= width for line in found)
    once_more = wrapped(" ".join(found), width)
    assert "".join(once_more).replace(" ", "") == "".join(found).replace(" ", "")


def test_a_word_that_is_too_long_is_cut() -> None:
    assert wrapped("ab abcdefgh i", 4) == ["ab", "abcd", "efgh", "i"]
    assert wrapped("漢字漢", 4) == ["漢字", "漢"]
    assert wrapped("", 4) == [""]


def test_a_verdict_may_have_a_colour_and_keeps_its_columns() -> None:
    painted = list(lines(review_of("x"), paint=lambda word, verdict: f"*{word}*" if verdict == "looser" else word))
    assert [line.replace("*", "") for line in painted] == list(lines(review_of("x")))
    assert any(line.startswith("*LOOSER*   x ") for line in painted)


SETTERS = {
    "a profile": (["profile docker@28#/process/cwd", "profile docker@28#/mounts/0"], ["profile docker@28"]),
    "an image": (
        [f"image sha256:{'a' * 64}#/config/User", f"image sha256:{'a' * 64}"],
        ["image /config/User", "image"],
    ),
    "a file": (["overrides web.yaml:3:1"], ["overrides web.yaml:3:1"]),
    "many": (
        [f"overrides {number}.yaml:1:1" for number in range(9)],
        [*(f"overrides {n}.yaml:1:1" for n in range(3)), "6 more"],
    ),
}


@pytest.mark.parametrize(("origins", "expected"), SETTERS.values(), ids=SETTERS)
def test_who_set_a_value_is_told_in_short(origins: list[str], expected: list[str]) -> None:
    assert setters(origins) == expected
