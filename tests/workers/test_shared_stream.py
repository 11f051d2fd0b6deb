"""A stream in shared memory: what was put is what is read, and where it lies is known until it is free."""

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import BundlerError, ImageError
from bundler.workers.process import filled_apart
from bundler.workers.shared_stream import SIZE, SharedStream
from tests.support import working
from tests.support.children import children, said_after_a_kill
from tests.support.working import NOISE

pytestmark = pytest.mark.timeout(120)


@contextmanager
def filled(fill: Callable[..., None], *arguments: Any) -> Iterator[SharedStream]:
    with filled_apart("the process that fills", fill, arguments) as (stream, _):
        yield stream


@pytest.mark.parametrize("size", [1000, 65_537, 1 << 20])
def test_what_was_put_is_what_is_read(size: int) -> None:
    read = []
    with filled(working.fill_noise) as stream:
        while content := stream.read(size):
            assert len(content) <= size
            read.append(bytes(content))
            stream.free(stream.position)
        assert not stream.read(size)
        assert stream.number == -(-len(NOISE) // 300_000)
    assert b"".join(read) == NOISE


def test_each_part_ends_once_and_the_stream_goes_on_behind_it() -> None:
    with filled(working.fill_parts, b"one", b"", b"three") as stream:
        read = [bytes(stream.read(100)) for _ in range(6)]
        assert read == [b"one", b"", b"", b"three", b"", b""]
        assert (stream.position, stream.number) == (8, 32)


def test_content_is_found_by_its_offset_until_it_is_free() -> None:
    with filled(working.fill_noise) as stream:
        while stream.read(1 << 20):
            last = stream.position - 1_500_000
            if last >= 0:
                assert b"".join(map(bytes, stream.content(last, 1_500_000))) == NOISE[last : stream.position]
                stream.free(last)


def test_no_more_is_put_than_there_is_room_for() -> None:
    with filled(working.fill_without_end) as stream:
        seen = 0
        while seen < SIZE - 1000:  # nobody has said that anything is free
            seen += len(stream.read(1 << 20))
        assert select.select([stream._filled], [], [], 0.2)[0] == []
        stream.free(seen)
        assert stream.read(1)


def test_many_small_pieces_do_not_fill_the_pipes() -> None:
    with filled(working.fill_crumbs) as stream:
        while stream.read(1 << 20):
            stream.free(stream.position)
        assert stream.position == 20_000


def test_what_the_filler_fails_at_is_raised_after_what_it_has_put() -> None:
    with filled(working.fill_and_end, b"content", "fail") as stream:
        assert bytes(stream.read(100)) == b"content"
        with pytest.raises(ImageError, match="no good"):
            stream.read(100)


@pytest.mark.parametrize(("end", "says"), [("be_killed", "was killed"), ("crash", "SIGSEGV")])
def test_how_the_filler_ended_is_told_if_it_did_not_say(end: str, says: str) -> None:
    with filled(working.fill_and_end, b"content", end) as stream:
        assert bytes(stream.read(100)) == b"content"
        with pytest.raises(BundlerError, match=says):
            stream.read(100)


def test_the_filler_is_gone_once_the_context_is_left() -> None:
    before = children()
    with filled(working.fill_without_end) as stream:
        stream.read(1)
    assert children() == before


def test_the_filler_ends_when_the_owner_is_killed(tmp_path: Path) -> None:
    @contextmanager
    def start() -> Iterator[None]:
        with filled(working.fill_without_end) as stream:
            stream.read(1)
            yield

    assert said_after_a_kill(tmp_path, start) == b""
