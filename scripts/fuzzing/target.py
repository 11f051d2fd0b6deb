"""What one reader is fed with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

PROJECT: Final = Path(__file__).resolve().parent.parent.parent
MOST_BYTES: Final = 8192  # of one input
MOST_OF_IMAGES: Final = 6 * 4096  # an image of a file system has blocks
ENOUGH: Final = 1 << 22  # of output, for one input: a bomb is not what is looked for here


class Target(NamedTuple):
    """`run` is given any bytes, at `most` so many; `seeds` are some that mean something."""

    run: Callable[[bytes], object]
    seeds: Callable[[], Iterator[bytes]]
    most: int = MOST_BYTES
