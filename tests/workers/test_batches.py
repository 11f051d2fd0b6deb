"""Items that a worker makes ahead: the same, in the same order, and nothing runs on once nobody wants them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.workers.process import read_apart
from tests.support import working
from tests.support.children import children, said_after_a_kill

pytestmark = pytest.mark.timeout(120)
NAME = "the process that counts"


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 10_000])
def test_the_items_are_the_same(count: int) -> None:
    with read_apart(NAME, working.send_numbers, (count, None)) as items:
        assert list(items) == [(number,) for number in range(count)]


def test_content_is_the_same_however_often_the_shared_memory_is_filled() -> None:
    number = -1
    with read_apart(NAME, working.send_sizes, ()) as items:
        for number, (at, size) in enumerate(items):
            assert bytes(items.content(at, size)) == bytes([number]) * working.SIZES[number]
    assert number == len(working.SIZES) - 1


def test_the_worker_is_gone_once_the_context_is_left() -> None:
    before = children()
    with read_apart(NAME, working.send_without_end, ()) as items:
        assert len(children() - before) == 1
        next(iter(items))
    assert children() == before


@pytest.mark.parametrize("end", [None, "compute"], ids=["which waits", "which computes"])
def test_the_worker_ends_when_this_process_is_killed(tmp_path: Path, end: str | None) -> None:
    @contextmanager
    def start() -> Iterator[None]:
        with (
            read_apart(NAME, working.send_without_end, ())
            if end is None
            else read_apart(NAME, working.send_numbers, (256, end)) as items
        ):
            next(iter(items))
            yield

    assert said_after_a_kill(tmp_path, start) == b""
