"""Two versions of a program, byte beside byte: what is said of the newer one makes it again."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.deltas.differences import add, compare, subtract


def made_again(new: bytes, old: bytes) -> tuple[bytes, int]:
    """What the comparison makes of `old`, and how many bytes of it are not zeros."""
    compared = compare(new, old)
    made, others, differences = b"", compared.others, compared.differences
    for start, end, shift in compared.runs:
        gap, size = start - len(made), end - start
        assert gap >= 0
        assert size > 0
        assert start + shift >= 0
        there = old[start + shift : end + shift]
        assert len(there) == size
        made += others[:gap] + add(differences[:size], there)
        others, differences = others[gap:], differences[size:]
    assert differences == b""
    return made + others, len(compared.differences) - compared.differences.count(0) + len(compared.others)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_anything_is_made_again(new: bytes, old: bytes) -> None:
    assert made_again(new, old)[0] == new


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=20))
def test_what_is_made_of_parts_of_the_older_one_is_made_again(parts: list[tuple[int, int]]) -> None:
    old = random.Random(1).randbytes(400)  # noqa: S311 -- the same each time
    new = b"".join(old[at * 40 :][:size] + b"x" * (size % 3) for at, size in parts)
    assert made_again(new, old)[0] == new


@given(st.integers(0, 3), st.integers(0, 200_000))
def test_what_is_subtracted_is_added_again(seed: int, size: int) -> None:
    chosen = random.Random(seed)  # noqa: S311 -- as above
    new, old = chosen.randbytes(size), chosen.randbytes(size)
    differences = subtract(new, old)
    assert differences[:50] == bytes((a - b) % 256 for a, b in zip(new[:50], old[:50], strict=True))
    assert add(differences, old) == new


@pytest.mark.parametrize("inserted", [0, 5, 3000])
def test_moved_code_with_other_addresses_is_nearly_nothing(inserted: int) -> None:
    chosen = random.Random(2)  # noqa: S311 -- as above
    old = bytearray(chosen.randbytes(200_000))
    new = bytearray(old)
    for at in range(0, len(new) - 4, 50):  # an address of four bytes in each piece of code
        new[at : at + 4] = ((int.from_bytes(old[at : at + 4], "little") + 40) % (1 << 32)).to_bytes(4, "little")
    new[100_000:100_000] = chosen.randbytes(inserted)
    again, left = made_again(bytes(new), bytes(old))
    assert again == bytes(new)
    assert left < len(new) // 50 * 2 + inserted + 100
