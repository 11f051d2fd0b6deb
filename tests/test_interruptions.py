"""What has to be done whole is done whole, and an interruption comes after it."""

import ctypes
import os
import signal
from collections.abc import Iterator

import pytest

from bundler.cli.parsing.failures import ignore_interruptions
from bundler.interruptions import INTERRUPTIONS, complete, held


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = [(number, signal.getsignal(number)) for number in INTERRUPTIONS]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interruption_waits_for_the_end() -> None:
    steps = []

    def steps_that_wait() -> None:
        with held():
            interrupt()
            steps.append("first")
            interrupt()
            steps.append("second")

    with pytest.raises(KeyboardInterrupt):
        steps_that_wait()
    assert steps == ["first", "second"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_step_is_done_whole_though_it_was_interrupted_before() -> None:
    calls = []

    def step() -> None:
        calls.append("begun")
        if len(calls) == 1:
            raise KeyboardInterrupt  # as when the signal came in the moment before it was held back
        interrupt()
        calls.append("done")

    with pytest.raises(KeyboardInterrupt):
        complete(step)
    assert calls == ["begun", "begun", "done"]


def test_a_failure_of_the_step_is_raised_at_once() -> None:
    with pytest.raises(OSError, match="gone"):
        complete(fail)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def fail() -> None:
    raise OSError(5, "gone")


def test_what_is_ignored_stays_ignored() -> None:
    ignore_interruptions()
    with held():
        interrupt()
    interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_handler_that_python_does_not_know_stays() -> None:
    library = ctypes.CDLL(None)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    calls: list[int] = []
    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(calls.append)
    library.signal(signal.SIGHUP, handler)
    with held():
        pass
    signal.raise_signal(signal.SIGHUP)
    assert calls == [signal.SIGHUP]
