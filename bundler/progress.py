"""What the pipeline tells a person who waits: which step it takes, and how many of its bytes are done."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol


class Meter(Protocol):
    """How far one step is: a call adds the bytes that were just read. All calls together add the total,
    or more where a file grows while it is read.
    """

    def __call__(self, count: int, /) -> None: ...


def rising(meter: Meter) -> Callable[[int], None]:
    """Told how many bytes are there, it tells `meter` of new ones: what begins anew is not counted twice."""
    highest = 0

    def reach(position: int) -> None:
        nonlocal highest
        if position > highest:
            meter(position - highest)
            highest = position

    return reach


class Progress(Protocol):
    """Hands out a meter for each step; the command line shows them, everything else stays silent.

    An image has one step at a time, with all its layers: it is fetched, then unpacked.
    """

    def measure(self, label: str, total: int | None) -> AbstractContextManager[Meter]:
        """Show the step `label` of `total` bytes (None: unknown) for as long as the context lasts."""
        ...


class _Silent:
    def measure(self, label: str, total: int | None) -> AbstractContextManager[Meter]:  # noqa: ARG002
        return nullcontext(lambda _count: None)


SILENT: Final[Progress] = _Silent()
