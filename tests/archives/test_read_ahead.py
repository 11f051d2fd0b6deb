"""Items that a thread makes ahead: the same, in the same order, and nothing runs on once nobody wants them."""

import threading
from collections.abc import Iterator

import pytest

from bundler.archives.read_ahead import read_ahead

pytestmark = pytest.mark.timeout(120)


def failing(count: int, error: BaseException) -> Iterator[int]:
    yield from range(count)
    raise error


class Counted:
    """Numbers without end, and how many were asked for."""

    def __init__(self) -> None:
        self.made = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.made += 1
        return self.made


@pytest.mark.parametrize("count", [0, 1, 8, 1000])
def test_the_items_are_the_same(count: int) -> None:
    with read_ahead(iter(range(count))) as items:
        assert list(items) == list(range(count))
        assert list(items) == []


@pytest.mark.parametrize("count", [0, 1, 8, 1000])
def test_an_error_comes_after_the_items_before_it_and_stays(count: int) -> None:
    with read_ahead(failing(count, OSError(5, "bad sector"))) as items:
        assert [next(items) for _ in range(count)] == list(range(count))
        for _ in range(2):
            with pytest.raises(OSError, match="bad sector"):
                next(items)


def test_only_some_are_made_ahead() -> None:
    source = Counted()
    with read_ahead(iter(source)) as items:
        assert next(items) == 1
    assert source.made <= 1 + 8 + 1


def test_nothing_runs_once_the_context_is_left() -> None:
    before = threading.active_count()
    source = Counted()

    def interrupt() -> None:
        with read_ahead(iter(source)) as inner, read_ahead(inner) as outer:
            assert next(outer) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert threading.active_count() == before


def test_the_innermost_error_reaches_the_end_of_a_chain() -> None:
    with read_ahead(failing(3, OSError(5, "bad sector"))) as inner, read_ahead(inner) as outer:
        assert [next(outer) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(OSError, match="bad sector"):
            next(outer)
