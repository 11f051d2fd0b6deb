"""Truth values, numbers, sizes and durations: docker's and compose's grammars, as exact values.

Truth values and whole numbers, which compose also takes as text: a variable can stand only in text.

Docker's grammar for sizes, durations and numbers of processors: text → exact integers.

Offsets of the clocks of a time namespace, as durations: `36h`, `1m30s`, `-500ms`.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node

_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}")
_WORDS: Final = {"true": True, "false": False}


def switch(node: Node) -> Node:
    """True or false, or exactly these words as text; the schema lets no other text pass."""
    return node.with_value(_WORDS[node.value]) if isinstance(node.value, str) else node


def whole(key: str, least: int, most: int) -> Callable[[Node], Node]:
    """The normal form of a whole number between `least` and `most`, a number or its decimal digits as text."""

    def normal_form(node: Node) -> Node:
        return node.with_value(whole_number(node, key, least, most))

    return normal_form


def whole_number(node: Node, key: str, least: int, most: int) -> int:
    """The value of a whole number between `least` and `most`. Raises RequestError."""
    value = node.value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise node.error(f"{key}: {printable(str(value)[:40])!r} is not a whole number")
    if not least <= value <= most:
        raise node.error(f"{key}: {value} is out of range", hint=f"allowed are {least} to {most}")
    return value


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


_TERM: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(ns|us|ms|s|m|h)")
_OFFSET: Final = re.compile(rf"-?(?:{_TERM.pattern})+")
_MAXIMUM: Final = (1 << 63) - 1  # seconds: the runtime-spec's int64


def parse_time_offsets(node: Node) -> Node:
    """{clock: duration} as {clock: {secs, nanosecs}}; nanosecs are never negative. Raises RequestError."""
    return node.with_value({clock: _parse(clock, offset) for clock, offset in node.entries().items()})


def _parse(clock: str, node: Node) -> Node:
    if node.value is None:
        return node
    text = node.text()
    if not _OFFSET.fullmatch(text):
        raise node.error(f"time_offsets.{clock}: {printable(text[:40])!r} is not a duration such as 36h or -1m30s")
    total = sum(Fraction(number) * _NANOSECONDS[unit] for number, unit in _TERM.findall(text))
    if total.denominator != 1:
        raise node.error(f"time_offsets.{clock}: {text} is finer than a nanosecond")
    seconds, nanoseconds = divmod(int(-total if text.startswith("-") else total), 10**9)
    if abs(seconds) > _MAXIMUM:
        raise node.error(f"time_offsets.{clock}: {text} is more than 63 bits of seconds")
    return node.with_value({"secs": node.with_value(seconds), "nanosecs": node.with_value(nanoseconds)})
