"""Sizes and processors: Docker's grammar, exactly."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.overrides.keys.scalars import MAXIMUM, parse_cpus, parse_duration, parse_size, write_duration


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("1b", 1),
        ("1k", 1024),
        ("1K", 1024),
        ("64KiB", 65536),
        ("512m", 512 << 20),
        ("512 MB", 512 << 20),
        ("1.5g", 3 << 29),
        ("1.3k", 1331),
        ("2t", 2 << 40),
        ("1p", 1 << 50),
        ("0.5k", 512),
        (str(MAXIMUM), MAXIMUM),
    ],
)
def test_every_unit_of_a_size_is_a_power_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "-1",
        "1e3",
        "1,5g",
        "1 .5g",
        "1x",
        "1kk",
        "0x10",
        "\u0661m",
        "1m\n",
        " 1m",
        "0.5",
        "0.5b",
        "9" * 31,
        "8192p",
    ],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_size(text)


def test_a_message_does_not_repeat_an_endless_number() -> None:
    with pytest.raises(ValueError, match=r"is not a size") as caught:
        parse_size("9" * 100_000)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("0", 0),
        ("0.0", 0),
        ("1", 100_000),
        ("1.", 100_000),
        (".5", 50_000),
        ("0.01", 1000),
        ("1.5", 150_000),
        ("0.123456789", 12_345),
        ("1.5000000000", 150_000),
        ("64", 6_400_000),
    ],
)
def test_processors_are_microseconds_in_each_tenth_of_a_second(text: str, quota: int) -> None:
    assert parse_cpus(text) == quota


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-1",
        "1e3",
        "1/2",
        "0.001",
        "0.000000001",
        "0.0000000001",
        "1.0123456789",
        "\u0661",
        "1\n",
        "9" * 18,
        "9" * 5000,
    ],
)
def test_what_is_no_share_of_a_processor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_cpus(text)


@given(st.integers(0, MAXIMUM))
def test_whole_bytes_are_themselves(size: int) -> None:
    assert parse_size(str(size)) == size


@given(st.integers(10**7, 10**15), st.integers(0, 9))
def test_a_share_is_never_rounded_up(nanos: int, zeros: int) -> None:
    text = f"{nanos // 10**9}.{nanos % 10**9:09}" + "0" * zeros
    assert parse_cpus(text) <= Fraction(nanos, 10**9) * 100_000 < parse_cpus(text) + 1


@given(st.integers(0, MAXIMUM))
def test_a_duration_that_is_written_is_read_back(nanoseconds: int) -> None:
    assert parse_duration(write_duration(nanoseconds)) == nanoseconds
