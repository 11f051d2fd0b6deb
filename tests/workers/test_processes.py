"""Another process: what it ends with is told, and it is gone with its context, or with the process it works for."""

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bundler.errors import ImageError
from bundler.workers.processes import another_process, raise_pickled, read_exactly, write_all
from tests.support.children import children

pytestmark = pytest.mark.timeout(30)


@contextmanager
def told(run: Callable[[int], None]) -> Iterator[int]:
    """The end of a pipe to which `run` writes, and then what it ended with."""
    read, write = os.pipe()
    with another_process(lambda: run(write), lambda error: write_all(write, error or b"."), read):
        os.close(write)
        yield read
    os.close(read)


def read_all(descriptor: int) -> bytes:
    return b"".join(iter(lambda: os.read(descriptor, 1000), b""))


def test_it_does_what_it_was_told_and_ends() -> None:
    with told(lambda write: write_all(write, b"done")) as read:
        assert read_all(read) == b"done."


def test_what_it_raises_is_raised_again() -> None:
    def fail(_write: int) -> None:
        raise ImageError("the layer is no good", hint="take another")

    with told(fail) as read, pytest.raises(ImageError, match="no good") as raised:
        raise_pickled(read_all(read))
    assert raised.value.hint == "take another"
    assert not hasattr(raised.value, "__notes__")


def test_a_bug_tells_where_it_is() -> None:
    def stumble(_write: int) -> None:
        raise KeyError("missing")

    with told(stumble) as read:
        assert "in stumble" in pickle.loads(read_all(read)).__notes__[0]  # noqa: S301 -- our own


def test_ctrl_c_is_for_the_other_process_to_answer() -> None:
    with told(lambda _write: os.kill(os.getpid(), signal.SIGINT)) as read:
        assert read_all(read) == b"."


def test_it_is_gone_once_the_context_is_left_whatever_it_was_doing() -> None:
    before = children()
    with told(lambda _write: signal.pause()):
        assert len(children() - before) == 1
    assert children() == before


def test_reading_exactly_takes_as_many_reads_as_it_needs() -> None:
    def write_often(write: int) -> None:
        for _ in range(20):
            os.write(write, b"12345")

    with told(write_often) as read:
        assert read_exactly(read, 101) == b"12345" * 20 + b"."
        with pytest.raises(EOFError):
            read_exactly(read, 1)


def test_writing_all_takes_as_many_writes_as_it_needs() -> None:
    with told(lambda write: write_all(write, bytes(300_000))) as read:
        assert read_all(read) == bytes(300_000) + b"."
