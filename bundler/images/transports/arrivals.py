"""What skopeo is writing, looked at while it does: how much came, and whether that is still what was to come.

skopeo reads a blob to its end before it holds the digest against it, however long it was said to be.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.transports.layout import is_there
from bundler.limits import raise_hint
from bundler.progress import Meter

# Beside layers there are documents, of which skopeo takes no more than 4 MiB; six blobs may come at once.
ALLOWANCE: Final = 5 << 20  # bytes of each file
MORE_THAN_STATED: Final = "the registry sends more than the image states"

# Told how large the files are that skopeo writes, it gives the bytes that came up to now, or raises ImageError.
Judge = Callable[[Sequence[int]], int]


@dataclass(slots=True)
class Arrivals:
    """The files in `folders`, told to `meter` as far as they have grown."""

    folders: Sequence[Path]
    meter: Meter
    judge: Judge
    _told: int = 0

    def look(self) -> bool:
        """Whether something came since the last time. Raises ImageError when it is too much."""
        size = self.judge(list(_sizes(self.folders)))
        if size <= self._told:
            return False
        self.meter(size - self._told)
        self._told = size
        return True


def _sizes(folders: Iterable[Path]) -> Iterator[int]:
    for folder in folders:
        with suppress(FileNotFoundError):  # not begun, or a temporary file that was renamed just now
            for path in folder.iterdir():
                yield path.lstat().st_size


def at_most(name: str, limit: int) -> Judge:
    """For an image whose layers nothing states before they come."""

    def judge(sizes: Sequence[int]) -> int:
        if sum(sizes) > limit:
            what = f"more than the {limit} bytes that an image may have"
            raise ImageError(f"{name}: {what}", hint=raise_hint("unpacked_size"))
        return sum(sizes)

    return judge


def layers_of(name: str, missing: Sequence[Descriptor], layout: Path) -> Judge:
    """For the layers `missing`, each of which appears in `layout` when it is whole.

    That may be another process's doing, which fetches the same into the same store.
    """
    stated = [layer.size for layer in missing]

    def judge(sizes: Sequence[int]) -> int:
        if exceeds(sizes, stated):
            raise ImageError(f"{name}: {MORE_THAN_STATED}")
        whole = sum(layer.size for layer in missing if is_there(layout, layer))
        return min(whole + sum(sizes), sum(stated))  # documents are none of the layers

    return judge


def exceeds(sizes: Sequence[int], stated: Sequence[int]) -> bool:
    """Whether files of these sizes are more than parts of what was stated, whichever is part of which.

    They fit exactly if the largest fits the largest, and so on; documents are stated nowhere.
    """
    room = [*sorted(stated, reverse=True), *(0 for _ in sizes)]
    return any(size > most + ALLOWANCE for size, most in zip(sorted(sizes, reverse=True), room, strict=False))
