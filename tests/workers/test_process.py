"""A worker: how it begins, what it is given, and how its end is told, whatever that was."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.errors import BundlerError, ImageError
from bundler.workers import process
from bundler.workers.batches import Receiver
from bundler.workers.messages import WorkerBugError
from bundler.workers.process import processors, read_apart
from tests.support import working
from tests.support.children import children

pytestmark = pytest.mark.timeout(120)
NAME = "the process that counts"


@contextmanager
def numbers(count: int, end: str | None = None) -> Iterator[Receiver]:
    with read_apart(NAME, working.send_numbers, (count, end)) as items:
        yield items


def test_what_it_fails_at_is_raised_after_the_items_before_it() -> None:
    with numbers(3, "fail") as items:
        found = iter(items)
        assert [next(found) for _ in range(3)] == [(0,), (1,), (2,)]
        with pytest.raises(ImageError, match="no good") as raised:
            next(found)
    assert raised.value.hint == "take another"


def test_an_error_of_the_system_keeps_its_number_and_its_file() -> None:
    with numbers(0, "fail_at_a_file") as items, pytest.raises(OSError, match="Input/output error") as raised:
        list(items)
    assert (raised.value.errno, raised.value.filename) == (5, "some/file")


@pytest.mark.parametrize(
    ("end", "says"),
    [("stumble", "KeyError: 'missing'"), ("be_odd", "OddError: <exception str"), ("leave", "SystemExit: 0")],
)
def test_a_bug_is_told_as_the_text_of_its_traceback(end: str, says: str) -> None:
    with numbers(0, end) as items, pytest.raises(WorkerBugError) as raised:
        list(items)
    assert str(raised.value).startswith(f"{NAME}: ")
    assert says in str(raised.value)
    assert f"in {end}" in raised.value.__notes__[0]


@pytest.mark.parametrize(
    ("end", "says", "hint"),
    [
        ("exhaust_memory", "ran out of memory", "free some"),
        ("be_killed", "was killed", "too little memory"),
        ("crash", r"crashed \(SIGSEGV\)", "report"),
        ("exit_without_a_word", "ended with exit code 3", "report"),
    ],
)
def test_each_other_end_has_its_own_message(end: str, says: str, hint: str) -> None:
    with numbers(1000, end) as items, pytest.raises(BundlerError, match=f"{NAME} {says}") as raised:
        list(items)
    assert type(raised.value) is BundlerError
    assert hint in str(raised.value.hint)


def test_a_python_that_cannot_even_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(BundlerError, match="cannot be started: No such file"), numbers(1):
        pass
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BundlerError, match="exit code 1"), numbers(1) as items:
        list(items)
    monkeypatch.setattr(sys, "executable", "")
    assert processors() == 1


def test_what_interrupts_this_process_is_not_for_the_worker_to_answer() -> None:
    with numbers(3, "be_interrupted") as items:
        assert len(list(items)) == 3


def test_it_has_nothing_but_what_it_is_given() -> None:
    with Path(os.devnull).open() as _, read_apart(NAME, working.send_surroundings, ()) as items:
        ((descriptors, modules, ignored, blocked),) = items
    # Standard input, output and error, the memory, its two pipes, the lifeline, and the listing of descriptors itself;
    # memory that is mapped keeps a descriptor of its own.
    assert len(descriptors) <= 3 + 1 + 2 + 1 + 1 + 1
    assert ignored == [True, True, True]
    assert blocked == []
    assert not {"subprocess", "socket", "bundler.tools", "bundler.program", "rich"} & set(modules)


def test_it_has_the_descriptors_that_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    with read_apart(NAME, working.send_what_is_read, (descriptor,), (descriptor,)) as items:
        os.close(descriptor)
        assert list(items) == [(b"content",)]


def test_only_data_can_be_given_to_it() -> None:
    with pytest.raises(ValueError, match="unmarshallable"), read_apart(NAME, working.send_numbers, (1, lambda: None)):  # type: ignore[arg-type]
        pass


def test_it_is_started_while_threads_run() -> None:
    released = threading.Event()
    threads = [threading.Thread(target=released.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        with numbers(3) as items:
            assert len(list(items)) == 3
    finally:
        released.set()
        for thread in threads:
            thread.join()


def test_two_threads_start_workers_at_once() -> None:
    found: list[int] = []

    def count() -> None:
        for _ in range(2):
            with numbers(10) as items:
                found.append(len(list(items)))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [10] * 8


def test_a_job_of_any_size_reaches_it() -> None:
    with read_apart(NAME, working.send_length, (b"x" * 10_000_000,)) as items:
        assert list(items) == [(10_000_000,)]


def test_it_ends_in_silence_when_it_is_told_of_no_job() -> None:
    lifeline, told = os.pipe()
    os.close(told)
    with process._started(NAME, lifeline, {lifeline}) as worker:
        assert worker.wait() == 1
    os.close(lifeline)


@pytest.mark.slow
def test_an_interruption_around_the_start_is_raised_and_leaves_no_worker() -> None:
    """The mask of signals is as before, and what came meanwhile is not lost."""
    before, mask = children(), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    interrupted = 0
    for milliseconds in range(1, 20):
        timer = threading.Timer(milliseconds / 1000, signal.raise_signal, [signal.SIGINT])
        try:
            timer.start()
            with numbers(1) as items:
                list(items)
            timer.join()
        except KeyboardInterrupt:
            interrupted += 1
        assert children() == before
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
    assert interrupted
