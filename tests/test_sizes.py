import pytest

from bundler.overrides.keys.scalars import parse_size
from bundler.sizes import readable_part, readable_size

SIZES = {
    0: "0 bytes",
    1: "1 byte",
    1023: "1023 bytes",
    1024: "1 KiB",
    1536: "1.5 KiB",
    (1 << 20) - 1: "1 MiB",
    (1 << 20) - 100: "1023.9 KiB",
    1 << 20: "1 MiB",
    256 << 30: "256 GiB",
    (1 << 40) - 1: "1 TiB",
    (1 << 63) - 1: "8 EiB",
    1 << 80: "1048576 EiB",
}


@pytest.mark.parametrize(("size", "text"), SIZES.items(), ids=map(str, SIZES))
def test_a_size_is_written_in_the_largest_unit_that_it_fills(size: int, text: str) -> None:
    assert readable_size(size) == text


def test_a_part_is_written_in_the_unit_of_the_whole() -> None:
    assert readable_part(0, 10) == "0/10 bytes"
    assert readable_part(1 << 20, (25 << 20) // 2) == "1.0/12.5 MiB"


@pytest.mark.parametrize("text", ["1 KiB", "512 MiB", "1.5 GiB", "20 TiB"])
def test_what_is_shown_is_what_may_be_typed(text: str) -> None:
    assert readable_size(parse_size(text.replace(" ", ""))) == text


def test_no_size_is_wider_than_a_column_of_ten() -> None:
    assert max(len(readable_size(3**power)) for power in range(42)) <= 10
