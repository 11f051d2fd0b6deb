"""Failures have exit codes, and what an image chose cannot steer a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.BundlerError, 1),
        (errors.RequestError, 2),
        (errors.ImageError, 3),
        (errors.LayerError, 4),
        (errors.ToolError, 5),
        (errors.DifferenceError, 6),
    ],
)
def test_each_kind_of_failure_has_its_documented_exit_code(kind: type[errors.BundlerError], code: int) -> None:
    assert kind("what").exit_code == code


def test_a_failure_says_what_and_what_to_do() -> None:
    failure = errors.ImageError("the image is damaged", hint="fetch it again")
    assert (str(failure), failure.what, failure.hint) == (
        "the image is damaged",
        "the image is damaged",
        "fetch it again",
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Größe 名", "plain Größe 名"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines\r", r"two\nlines\r"),
        ("right\u202eleft", r"right\u202eleft"),
        ("half \ud800", r"half \ud800"),
        (b"caf\xe9", r"caf\xe9"),
        (b"caf\xc3\xa9", "café"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text: str | bytes, shown: str) -> None:
    assert errors.printable(text) == shown


@given(st.one_of(st.text(st.characters()), st.binary()))
def test_anything_becomes_one_printable_line(text: str | bytes) -> None:
    shown = errors.printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


def test_a_message_that_repeats_a_huge_text_keeps_its_beginning_and_its_end() -> None:
    told = errors.brief("web.json: the user '" + "x" * 1_000_000 + "' is not in /etc/passwd\n")
    assert len(told) < 2100
    assert told.startswith("web.json: the user 'xxx")
    assert told.endswith(r"xxx' is not in /etc/passwd\n")
    assert errors.brief("short\x1b") == r"short\x1b"
