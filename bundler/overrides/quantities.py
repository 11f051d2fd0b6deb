"""Docker's grammar for sizes, and numbers of processors: text → exact integers."""

import re
from fractions import Fraction
from typing import Final

_SIZE: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?:(?P<unit>[kmgtp])i?)?b?", re.IGNORECASE)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
MAXIMUM: Final = (1 << 63) - 1


def parse_size(text: str) -> int:
    """Bytes of `512m`, `1.5g`, `64KiB` or `1024`; every unit is a power of 1024, as in Docker. Raises ValueError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 512m, 1.5g or 1024")
    size = int(Fraction(match["number"]) * 1024 ** _POWERS.get((match["unit"] or "").lower(), 0))
    if size > MAXIMUM:
        raise ValueError(f"{text} is more than 63 bits of bytes")
    return size


def parse_cpus(text: str) -> int:
    """Microseconds of processor time in each 100,000, of a decimal such as `1.5`. Raises ValueError.

    Docker keeps billionths of a processor, so more than nine decimals are refused rather than rounded.
    """
    match = re.fullmatch(r"\d+(?:\.(?P<decimals>\d+))?", text)
    if match is None:
        raise ValueError(f"{text!r} is not a number of processors such as 1.5")
    if len(match["decimals"] or "") > 9:  # noqa: PLR2004
        raise ValueError(f"{text} has more than nine decimals")
    quota = int(Fraction(text) * 100_000)
    if quota > MAXIMUM:
        raise ValueError(f"{text} processors are too many")
    return quota
