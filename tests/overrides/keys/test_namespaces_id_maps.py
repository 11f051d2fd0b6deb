"""Ranges of ids, and durations of clocks: what is read, and that nothing else comes of any text."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.origins import Origin
from bundler.overrides.keys.namespaces import parse_id_map
from bundler.overrides.keys.scalars import parse_time_offsets
from bundler.overrides.node import Node

HERE = Origin("overrides", "o.yaml:1:1")
ID = st.integers(0, (1 << 32) - 2)


def node(text: str) -> Node:
    return Node(text, HERE, written=text)


@given(ID, ID, st.integers(1, 1 << 33))
def test_a_range_is_read_as_it_is_written_or_goes_too_far(inside: int, outside: int, size: int) -> None:
    listed = Node((node(f"{inside}:{outside}:{size}"),), HERE)
    if max(inside, outside) + size > (1 << 32) - 1:
        with pytest.raises(RequestError):
            parse_id_map(listed)
    else:
        assert parse_id_map(listed).plain() == [{"containerID": inside, "hostID": outside, "size": size}]


@given(st.text())
def test_any_text_is_a_range_or_refused(text: str) -> None:
    with suppress(RequestError):
        parse_id_map(Node((node(text),), HERE))


@given(st.integers(-(10**8), 10**8), st.integers(0, 999_999_999))
def test_offsets_keep_every_nanosecond(seconds: int, nanoseconds: int) -> None:
    total = seconds * 10**9 + nanoseconds
    text = f"{'-' if total < 0 else ''}{abs(total)}ns"
    read = parse_time_offsets(Node({"monotonic": node(text)}, HERE)).plain()["monotonic"]
    assert read == {"secs": seconds, "nanosecs": nanoseconds}


@given(st.text())
def test_any_text_is_an_offset_or_refused(text: str) -> None:
    with suppress(RequestError):
        parse_time_offsets(Node({"monotonic": node(text)}, HERE))
