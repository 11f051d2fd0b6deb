"""Docker's grammar for sizes, durations and numbers of processors: text → exact integers."""

import re
from fractions import Fraction
from typing import Final

_SIZE: Final = re.compile(r"(?P<number>[0-9]{1,30}(?:\.[0-9]{1,30})?) ?(?:(?P<unit>[kmgtp])i?)?b?", re.IGNORECASE)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_PROCESSORS: Final = re.compile(r"(?=\.?[0-9])[0-9]{0,18}(\.[0-9]{0,18})?")
MAXIMUM: Final = (1 << 63) - 1
_DURATION: Final = re.compile(r"(?:[0-9]{1,19}(?:\.[0-9]{1,18})?(?:ns|us|µs|ms|h|m|s))+")
_NANOSECONDS: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_LEAST_QUOTA: Final = 1000  # microseconds: the kernel takes no less (sched-bwc.rst)


def parse_size(text: str) -> int:
    """Bytes of `512m`, `1.5g`, `64KiB` or `1024`; every unit is a power of 1024, as in Docker. Raises ValueError.

    A fraction of a byte is cut off, as Docker does, unless nothing is left: no bytes mean no limit.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a size such as 512m, 1.5g or 1024")
    size = Fraction(match["number"]) * 1024 ** _POWERS.get((match["unit"] or "").lower(), 0)
    if size > MAXIMUM:
        raise ValueError(f"{text} is more than 63 bits of bytes")
    if 0 < size < 1:
        raise ValueError(f"{text} is less than a byte")
    return int(size)


def parse_cpus(text: str) -> int:
    """Microseconds of processor time in each 100,000, of a decimal such as `1.5`; 0 is no limit. Raises ValueError.

    Docker keeps billionths of a processor, so anything finer is refused rather than rounded.
    """
    if not _PROCESSORS.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number of processors such as 1.5")
    processors = Fraction(f"0{text}0" if "." in text else text)
    if (processors * 10**9).denominator != 1:
        raise ValueError(f"{text} has more than nine decimals")
    quota = int(processors * 100_000)
    if quota > MAXIMUM:
        raise ValueError(f"{text} processors are too many")
    if processors and quota < _LEAST_QUOTA:
        raise ValueError(f"{text} is less than 0.01, the least share of a processor there is")
    return quota


def parse_duration(text: str) -> int:
    """Nanoseconds of `1m30s`, `500ms` or `1.5h`, the durations of compose. Raises ValueError."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a duration such as 1m30s or 500ms")
    pieces = re.findall(r"([0-9.]+)([a-zµ]+)", text)
    nanoseconds = sum(Fraction(number) * _NANOSECONDS[unit] for number, unit in pieces)
    if nanoseconds > MAXIMUM:
        raise ValueError(f"{text} is more than 63 bits of nanoseconds")
    return int(nanoseconds)


def write_duration(nanoseconds: int) -> str:
    """The text of a single unit that `parse_duration` reads as so many nanoseconds: `30s`, `1500ms`."""
    units = sorted(((size, unit) for unit, size in _NANOSECONDS.items() if unit.isascii()), reverse=True)
    size, unit = next((size, unit) for size, unit in units if nanoseconds % size == 0)
    return f"{nanoseconds // size}{unit}"
