"""A stream in shared memory: what was put is what is read, and where it lies is known until it is free."""

import os
import random
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.errors import BundlerError, ImageError
from bundler.workers.shared_stream import SIZE, Filler, filled_apart
from tests.support.children import children, said_after_a_kill

pytestmark = pytest.mark.timeout(30)
NOISE = random.Random(1).randbytes(3 * SIZE + 12345)  # noqa: S311 -- the same each time


def put_noise(filler: Filler, step: int = 300_000) -> None:
    for at in range(0, len(NOISE), step):
        filler.put(NOISE[at : at + step], 1)


def endless(filler: Filler) -> None:
    while True:
        filler.put(bytes(1000), 1)


@pytest.mark.parametrize("size", [1000, 65_537, 1 << 20])
def test_what_was_put_is_what_is_read(size: int) -> None:
    read = []
    with filled_apart(put_noise) as stream:
        while content := stream.read(size):
            assert len(content) <= size
            read.append(bytes(content))
            stream.free(stream.position)
        assert not stream.read(size)
        assert stream.number == -(-len(NOISE) // 300_000)
    assert b"".join(read) == NOISE


def test_content_is_found_by_its_offset_until_it_is_free() -> None:
    with filled_apart(put_noise) as stream:
        while stream.read(1 << 20):
            last = stream.position - 1_500_000
            if last >= 0:
                assert b"".join(map(bytes, stream.content(last, 1_500_000))) == NOISE[last : stream.position]
                stream.free(last)


def test_no_more_is_put_than_there_is_room_for() -> None:
    with filled_apart(endless) as stream:
        seen = 0
        while seen < SIZE - 1000:  # nobody has said that anything is free
            seen += len(stream.read(1 << 20))
        assert select.select([stream._said], [], [], 0.2)[0] == []
        stream.free(seen)
        assert stream.read(1)


def test_many_small_pieces_do_not_fill_the_pipes() -> None:
    def crumbs(filler: Filler) -> None:
        for _ in range(20_000):
            filler.put(b"x", 0)

    with filled_apart(crumbs) as stream:
        while stream.read(1 << 20):
            stream.free(stream.position)
        assert stream.position == 20_000


def test_what_the_filler_ends_with_is_raised_after_what_it_has_put() -> None:
    def fail(filler: Filler) -> None:
        filler.put(b"content", 1)
        raise ImageError("the layer is no good")

    with filled_apart(fail) as stream:
        assert bytes(stream.read(100)) == b"content"
        with pytest.raises(ImageError, match="no good"):
            stream.read(100)


def test_a_killed_filler_is_said_to_be_one() -> None:
    with (
        filled_apart(lambda _filler: os.kill(os.getpid(), signal.SIGKILL)) as stream,
        pytest.raises(BundlerError, match="was killed"),
    ):
        stream.read(1)


def test_the_filler_is_gone_once_the_context_is_left() -> None:
    before = children()
    with filled_apart(endless) as stream:
        stream.read(1)
    assert children() == before


def test_the_filler_ends_when_the_owner_is_killed(tmp_path: Path) -> None:
    @contextmanager
    def start() -> Iterator[None]:
        with filled_apart(endless) as stream:
            stream.read(1)
            yield

    assert said_after_a_kill(tmp_path, start) == b""
