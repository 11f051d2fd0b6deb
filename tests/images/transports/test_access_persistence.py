import time

import pytest

from bundler.errors import ImageError, ToolError
from bundler.images.transports.access import Access, PassingError, Silence, persist


class Clock:
    """The time, which passes only where somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.pauses.append)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Registry:
    """One that fails as it is told to, and then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked = 0

    def ask(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


def reset() -> PassingError:
    return PassingError("r/a:1: the connection broke off")


def test_what_passes_is_tried_again_and_told_with_which_try_it_is(clock: Clock) -> None:
    told: list[str] = []
    registry = Registry(reset(), reset())
    assert persist(Access(report=told.append), registry.ask) == "answer"
    assert told == [
        "r/a:1: the connection broke off; try 2 of 4 in 1 s",
        "r/a:1: the connection broke off; try 3 of 4 in 2 s",
    ]
    assert (registry.asked, clock.pauses) == (3, [1, 2])


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_the_last_failure_is_raised(clock: Clock, retries: int) -> None:
    registry = Registry(*(reset() for _ in range(10)))
    with pytest.raises(PassingError):
        persist(Access(retries=retries), registry.ask)
    assert registry.asked == retries + 1
    assert len(clock.pauses) == retries


def test_pauses_do_not_grow_for_ever(clock: Clock) -> None:
    with pytest.raises(PassingError):
        persist(Access(retries=8), Registry(*(reset() for _ in range(10))).ask)
    assert clock.pauses == [1, 2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize("error", [ImageError("not found"), ToolError("no certificate"), KeyboardInterrupt()], ids=repr)
def test_what_does_not_pass_is_not_tried_again(clock: Clock, error: Exception) -> None:
    registry = Registry(error)
    with pytest.raises(type(error)):
        persist(Access(), registry.ask)
    assert (registry.asked, clock.pauses) == (1, [])


def test_a_silence_is_told_once_and_in_the_end_given_up(clock: Clock) -> None:
    told: list[str] = []
    silence = Silence("r:5000\x1b[2J", Access(timeout=60, report=told.append))
    for _ in range(59):
        clock.now += 1
        silence.check()
    assert told == ["r:5000\\x1b[2J has not answered for 10 s"]
    clock.now += 1
    with pytest.raises(ToolError, match="has not answered for 60 s") as raised:
        silence.check()
    assert type(raised.value) is ToolError  # there is no other try
    assert "--timeout" in (raised.value.hint or "")


def test_whoever_says_something_has_all_the_time_again(clock: Clock) -> None:
    told: list[str] = []
    silence = Silence("r", Access(timeout=30, report=told.append))
    for _ in range(5):
        clock.now += 29
        silence.check()
        silence.broken()
    assert told == ["r has not answered for 10 s"] * 5
