"""Truth values, texts, numbers, sizes and durations, in the grammars of docker and compose, as exact values.

Compose takes truth values and numbers as text, too: a variable can stand only in text. What `parse_` functions take is
text, and they raise ValueError; the others are coercions of a key's value, and raise RequestError with its place.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bundler.errors import printable
from bundler.overrides import schema
from bundler.overrides.node import Node

if TYPE_CHECKING:
    from fractions import Fraction

MAXIMUM: Final = (1 << 63) - 1  # the runtime-spec's int64
UNSIGNED: Final = 1 << 64  # where its uint64 ends
BILLIONTHS: Final = 10**9
_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}")
_SIZE: Final = re.compile(r"(?P<number>[0-9]{1,30}(?:\.[0-9]{1,30})?) ?(?:(?P<unit>[kmgtp])i?)?b?", re.IGNORECASE)
POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_PROCESSORS: Final = re.compile(r"(?=\.?[0-9])[0-9]{0,18}(\.[0-9]{0,18})?")
_DURATION: Final = re.compile(r"(?:[0-9]{1,19}(?:\.[0-9]{1,18})?(?:ns|us|µs|ms|h|m|s))+")
_NANOSECONDS: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_TERM: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(ns|us|ms|s|m|h)")
_OFFSET: Final = re.compile(rf"-?(?:{_TERM.pattern})+")


def switch(_key: str, node: Node) -> Node:
    """True or false, or exactly these words as text; the schema lets no other text pass."""
    return node.with_value(node.value == "true") if isinstance(node.value, str) else node


def whole(_key: str, node: Node) -> Node:
    """A whole number, or its decimal digits as text; the schema has looked at its form and range."""
    return node.with_value(int(node.value)) if isinstance(node.value, str) else node


def whole_number(node: Node, key: str, least: int, most: int) -> int:
    """A whole number between `least` and `most`, of a value that no schema has looked at. Raises RequestError."""
    value = node.value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise node.error(f"{key}: {printable(str(value)[:40])!r} is not a whole number")
    if not least <= value <= most:
        raise node.error(f"{key}: {value} is out of range", hint=f"allowed are {least} to {most}")
    return value


def parsed(parse: Callable[[str], int]) -> Callable[[str, Node], Node]:
    """The coercion to the number that `parse` makes of a text, or of a number; a fraction counts as it is written."""

    def coerce(key: str, node: Node) -> Node:
        try:
            return node.with_value(parse(node.written if isinstance(node.value, float) else str(node.value)))
        except ValueError as error:
            raise node.error(f"{key}: {error}") from None

    return coerce


def limited_size(key: str, node: Node) -> Node:
    """Bytes, or -1 for no limit."""
    return node.with_value(-1) if node.value in (-1, "-1") else size(key, node)


def parse_size(text: str) -> int:
    """Bytes of `512m`, `1.5g`, `64KiB` or `1024`; every unit is a power of 1024, as in Docker. Raises ValueError.

    A fraction of a byte is cut off, as Docker does, unless nothing is left: no bytes mean no limit.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a size such as 512m, 1.5g or 1024")
    number = _exact(match["number"]) * 1024 ** POWERS[(match["unit"] or "").lower()]
    if number > MAXIMUM:
        raise ValueError(f"{text} is more than 63 bits of bytes")
    if 0 < number < 1:
        raise ValueError(f"{text} is less than a byte")
    return int(number)


def write_size(number: int) -> str | int:
    """Bytes in the largest of Docker's units up to g that holds them whole: 536870912 → 512m; 1000 has none."""
    units = (unit for unit in "gmk" if number > 0 and number % 1024 ** POWERS[unit] == 0)
    unit = next(units, None)
    return number if unit is None else f"{number // 1024 ** POWERS[unit]}{unit}"


def parse_cpus(text: str) -> int:
    """Microseconds of processor time in each 100,000, of a decimal such as `1.5`; 0 is no limit. Raises ValueError.

    Docker keeps billionths of a processor, so anything finer is refused rather than rounded.
    """
    if not _PROCESSORS.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number of processors such as 1.5")
    processors = _exact(f"0{text}0" if "." in text else text)
    if (processors * BILLIONTHS).denominator != 1:
        raise ValueError(f"{text} has more than nine decimals")
    quota = int(processors * 100_000)
    if quota > MAXIMUM:
        raise ValueError(f"{text} processors are too many")
    if processors and quota < schema.rule("cpu_quota")["least"]:
        raise ValueError(f"{text} is less than 0.01, the least share of a processor there is")
    return quota


def write_processors(billionths: int) -> str:
    """A number of processors as a plain decimal: 1500000000 → 1.5."""
    whole, fraction = divmod(billionths, BILLIONTHS)
    return f"{whole}.{fraction:09d}".rstrip("0").rstrip(".")


def parse_duration(text: str) -> int:
    """Nanoseconds of `1m30s`, `500ms` or `1.5h`, the durations of compose. Raises ValueError."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a duration such as 1m30s or 500ms")
    pieces = re.findall(r"([0-9.]+)([a-zµ]+)", text)
    nanoseconds = sum(_exact(number) * _NANOSECONDS[unit] for number, unit in pieces)
    if nanoseconds > MAXIMUM:
        raise ValueError(f"{text} is more than 63 bits of nanoseconds")
    return int(nanoseconds)


def parse_microseconds(text: str) -> int:
    """Microseconds of a number of them, or of a duration such as `950ms`. Raises ValueError."""
    return int(text) if text.isdecimal() else parse_duration(text) // 1000


def write_duration(nanoseconds: int, units: tuple[str, ...] = ("h", "m", "s", "ms", "us", "ns")) -> str:
    """The text that `parse_duration` reads as so many nanoseconds, in the first of `units` that holds them whole."""
    unit = next(unit for unit in units if nanoseconds % _NANOSECONDS[unit] == 0)
    return f"{nanoseconds // _NANOSECONDS[unit]}{unit}"


def parse_time_offsets(node: Node) -> Node:
    """Offsets of the clocks of a time namespace, {clock: duration}, as {clock: {secs, nanosecs}}.

    A duration is `36h`, `1m30s` or `-500ms`; nanosecs are never negative. Raises RequestError.
    """
    return node.with_value(
        {clock: _offset(f"time_offsets.{clock}", offset) for clock, offset in node.entries().items()}
    )


def _offset(key: str, node: Node) -> Node:
    if node.value is None:
        return node
    duration = node.text()
    if not _OFFSET.fullmatch(duration):
        raise node.error(f"{key}: {printable(duration[:40])!r} is not a duration such as 36h or -1m30s")
    total = sum(_exact(number) * _NANOSECONDS[unit] for number, unit in _TERM.findall(duration))
    if total.denominator != 1:
        raise node.error(f"{key}: {duration} is finer than a nanosecond")
    seconds, nanoseconds = divmod(int(-total if duration.startswith("-") else total), 10**9)
    if abs(seconds) > MAXIMUM:
        raise node.error(f"{key}: {duration} is more than 63 bits of seconds")
    return node.with_value({"secs": node.with_value(seconds), "nanosecs": node.with_value(nanoseconds)})


def _exact(decimal: str) -> "Fraction":
    from fractions import Fraction  # noqa: PLC0415 -- takes a while, and few overrides have a fraction

    return Fraction(decimal)


size: Final = parsed(parse_size)
cpus: Final = parsed(parse_cpus)
microseconds: Final = parsed(parse_microseconds)
