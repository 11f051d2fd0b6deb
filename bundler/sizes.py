"""Sizes as people read them, and the only home of their units.

The units are powers of 1024 with the names of IEC 80000-13: what `--limit`, `mem_limit` and `shm_size` take (512m, 20g)
are powers of 1024 too, and every limit of bundler's own is a whole number of them.
"""

from typing import Final

_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP: Final = 1024


def readable_size(size: int) -> str:
    """`size` bytes with one decimal at the most: `512 bytes`, `1.5 KiB`, `256 GiB`."""
    power = _power(size)
    if power == 0:
        return "1 byte" if size == 1 else f"{size} bytes"
    return f"{_tenths(size, power).removesuffix('.0')} {_UNITS[power - 1]}"


def readable_part(done: int, total: int) -> str:
    """How much of `total` bytes is done, both in the unit of the whole: `3.0/12.5 MiB`."""
    power = _power(total)
    if power == 0:
        return f"{done}/{total} bytes"
    return f"{_tenths(done, power)}/{_tenths(total, power)} {_UNITS[power - 1]}"


def _power(size: int) -> int:
    """Which power of 1024 the unit has; what would be rounded to 1024 of one is 1 of the next."""
    power = 0
    while power < len(_UNITS) and round(size / _STEP**power, 1 if power else 0) >= _STEP:
        power += 1
    return power


def _tenths(size: int, power: int) -> str:
    return f"{size / _STEP**power:.1f}"
