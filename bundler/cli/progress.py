"""Progress on a terminal: a bar for each layer, with sizes and rate. Silent everywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bundler.progress import SILENT, Meter, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars


@contextmanager
def shown_progress(*, wanted: bool) -> Iterator[Progress]:
    """Bars on standard error for as long as the context lasts, or a silent Progress."""
    if not wanted:
        yield SILENT
        return
    from rich import progress  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415  (drawing costs 100 ms that a pipe need not pay)

    columns: tuple[Any, ...] = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(binary_units=True),
        progress.TransferSpeedColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bars:
        yield _Shown(bars)


class _Shown:
    def __init__(self, bars: "Bars") -> None:
        self._bars = bars

    @contextmanager
    def measure(self, label: str, total: int | None) -> Iterator[Meter]:
        task = self._bars.add_task(label, total=total)
        yield lambda count: self._bars.advance(task, count)
        self._bars.stop_task(task)
