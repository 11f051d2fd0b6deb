"""Items that another process makes ahead: the same, in the same order, and nothing runs on once nobody wants them."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.errors import BundlerError, ImageError
from bundler.workers.read_apart import LARGEST_CONTENT, Sender, read_apart
from tests.support.children import children, said_after_a_kill

pytestmark = pytest.mark.timeout(30)


def numbers(count: int, end: Callable[[], None] = lambda: None) -> Callable[[Sender], None]:
    def make(sender: Sender) -> None:
        for number in range(count):
            sender.send((number,))
        end()

    return make


def endless(sender: Sender) -> None:
    while True:
        at, room = sender.room(LARGEST_CONTENT)
        room[:1] = b"x"
        sender.send((at,))


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 10_000])
def test_the_items_are_the_same(count: int) -> None:
    with read_apart(numbers(count)) as items:
        assert list(items) == [(number,) for number in range(count)]


def test_content_is_the_same_however_often_the_shared_memory_is_filled() -> None:
    sizes = [0, 1, LARGEST_CONTENT, 7, LARGEST_CONTENT - 1, 100_000] * 20

    def make(sender: Sender) -> None:
        for number, size in enumerate(sizes):
            at, room = sender.room(size)
            room[:] = bytes([number]) * size
            sender.send((at, size))

    with read_apart(make) as items:
        for number, (at, size) in enumerate(items):
            assert bytes(items.content(at, size)) == bytes([number]) * sizes[number]
    assert number == len(sizes) - 1


def test_what_it_ends_with_is_raised_after_the_items_before_it() -> None:
    def fail() -> None:
        raise ImageError("the layer is no good", hint="take another")

    with read_apart(numbers(3, fail)) as items:
        found = iter(items)
        assert [next(found) for _ in range(3)] == [(0,), (1,), (2,)]
        with pytest.raises(ImageError, match="no good") as raised:
            next(found)
    assert raised.value.hint == "take another"


def test_a_bug_tells_where_it_is() -> None:
    def stumble() -> None:
        raise KeyError("missing")

    with read_apart(numbers(0, stumble)) as items, pytest.raises(KeyError) as raised:
        list(items)
    assert "in stumble" in raised.value.__notes__[0]


def test_a_killed_process_is_said_to_be_one() -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with read_apart(numbers(1000, die)) as items, pytest.raises(BundlerError, match="was killed"):
        list(items)


def test_ctrl_c_is_for_the_other_process_to_answer() -> None:
    with read_apart(numbers(3, lambda: os.kill(os.getpid(), signal.SIGINT))) as items:
        assert len(list(items)) == 3


def test_the_process_is_gone_once_the_context_is_left() -> None:
    before = children()
    with read_apart(endless) as items:
        assert len(children() - before) == 1
        next(iter(items))
    assert children() == before


def test_the_process_ends_when_the_other_is_killed(tmp_path: Path) -> None:
    @contextmanager
    def start() -> Iterator[None]:
        with read_apart(endless) as items:
            next(iter(items))
            yield

    assert said_after_a_kill(tmp_path, start) == b""
