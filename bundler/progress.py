"""What the pipeline tells a person who waits: which layers there are and how many of their bytes are done."""

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol


class Meter(Protocol):
    """One bar. A call adds the bytes that were just read; a bar that was told no total only shows a rate."""

    def __call__(self, count: int, /) -> None: ...


def joined(*meters: Meter) -> Meter:
    """One meter that tells all of `meters`."""

    def tell(count: int) -> None:
        for meter in meters:
            meter(count)

    return tell


class Progress(Protocol):
    """Hands out a meter for each piece of work; the command line draws them, everything else stays silent."""

    def measure(self, label: str, total: int | None) -> AbstractContextManager[Meter]:
        """Show `label` with a bar of `total` bytes (None: unknown) for as long as the context lasts."""
        ...


class _Silent:
    def measure(self, label: str, total: int | None) -> AbstractContextManager[Meter]:  # noqa: ARG002
        return nullcontext(lambda _count: None)


SILENT: Final[Progress] = _Silent()
