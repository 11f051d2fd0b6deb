"""Ctrl-C, SIGTERM and SIGHUP, while something is done that has to be done whole: they wait until it is."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

INTERRUPTIONS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held() -> Iterator[None]:
    """What would interrupt the context is delivered at its end. Only the main thread is ever interrupted.

    Only handlers that are Python functions wait: the others raise nothing, and those that a program has set without
    Python's knowledge could not be put back.
    """
    waiting: list[int] = []

    def wait(number: int, _frame: FrameType | None) -> None:
        waiting.append(number)

    handlers = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in INTERRUPTIONS:
                if callable(signal.getsignal(number)):
                    handlers[number] = signal.signal(number, wait)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])


def complete(step: Callable[[], None]) -> None:
    """Do `step`, which may be begun again, to its end; an interruption is raised after it.

    To hold signals back takes a moment, and one that comes just then is raised in the middle of that.
    """
    interruption: BaseException | None = None
    done = False
    while not done:
        try:
            with held():
                step()
                done = True
        except Exception:
            raise
        except BaseException as error:  # noqa: BLE001 -- KeyboardInterrupt, and what the others raise
            interruption = error
    if interruption is not None:
        raise interruption
