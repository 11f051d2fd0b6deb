import os
import threading

import pytest

from bundler.disk_space import FullDiskError
from bundler.errors import BundlerError, ImageError
from bundler.workers.messages import (
    LostPeerError,
    Peer,
    WorkerBugError,
    describe,
    raise_failure,
    read_exactly,
    write_all,
)


def test_reading_exactly_takes_as_many_reads_as_it_needs() -> None:
    read, write = os.pipe()
    for _ in range(20):
        os.write(write, b"12345")
    os.close(write)
    assert read_exactly(read, 99) == (b"12345" * 20)[:99]
    with pytest.raises(EOFError):
        read_exactly(read, 2)
    os.close(read)


def test_writing_all_takes_as_many_writes_as_it_needs() -> None:
    read, write = os.pipe()
    writer = threading.Thread(target=write_all, args=(write, bytes(300_000)))
    writer.start()
    assert read_exactly(read, 300_000) == bytes(300_000)
    writer.join()
    os.close(read)
    os.close(write)


def bug(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as raised:
        return raised


EXPECTED = [
    ImageError("the layer is no good", hint="take another"),
    FullDiskError("no room", 28),  # its type is not one that a worker is known to raise: the nearest above is
    OSError(5, "Input/output error", b"some/file"),
    OSError(28, "No space left on device"),
    MemoryError(),
    LostPeerError(),
]


@pytest.mark.parametrize("error", EXPECTED, ids=lambda error: type(error).__name__)
def test_what_is_expected_is_raised_again(error: Exception) -> None:
    with pytest.raises((BundlerError, OSError, LostPeerError)) as raised:
        raise_failure(describe(error), "the process that counts")
    if isinstance(error, MemoryError):
        assert "the process that counts ran out of memory" in str(raised.value)
    else:
        assert isinstance(error, type(raised.value))
        assert str(raised.value) == str(error)
        assert getattr(raised.value, "hint", None) == getattr(error, "hint", None)


@pytest.mark.parametrize("error", [KeyError("missing"), OSError("no number"), KeyboardInterrupt()], ids=repr)
def test_a_bug_is_the_text_of_its_traceback(error: Exception) -> None:
    with pytest.raises(WorkerBugError, match=f"^the process that counts: {type(error).__name__}") as raised:
        raise_failure(describe(bug(error)), "the process that counts")
    assert "in bug" in raised.value.__notes__[0]


@pytest.mark.parametrize("message", [(), ("stated",), ("odd", 1), ("system", "five", None), (7,)], ids=repr)
def test_what_no_worker_says_is_a_bug(message: tuple[object, ...]) -> None:
    with pytest.raises(WorkerBugError, match="is no message"):
        raise_failure(message, "the process that counts")


def test_only_who_has_started_both_knows_how_a_peer_ended() -> None:
    assert isinstance(Peer("the filler").how_it_ended(), LostPeerError)
