"""The grammars that many flags share: Go's truth values, integers and durations, Docker's sizes, lines of CSV.

Each takes the text of a value and gives what it means, or raises ValueError with the reason why docker refuses it.
"""

import math
import re
from collections.abc import Callable
from typing import Final

from bundler.origins import Json
from bundler.overrides import schema
from bundler.overrides.keys.scalars import MAXIMUM, POWERS, parse_duration


def split(given: str) -> list[str]:
    """The fields of one line of CSV, as Go reads it (RFC 4180, with quotes around whole fields only).

    Raises ValueError for none at all, and for a quote inside or behind a field.
    """
    if not given or "\n" in given:
        raise ValueError("it is not one line of fields")
    fields = []
    rest = given
    while True:
        field, rest = _quoted(rest[1:]) if rest.startswith('"') else _bare(rest)
        fields.append(field)
        if not rest:
            return fields
        rest = rest[1:]


def _bare(text: str) -> tuple[str, str]:
    field, comma, rest = text.partition(",")
    if '"' in field:
        raise ValueError('a bare " in a field without quotes')
    return field, comma + rest


def _quoted(text: str) -> tuple[str, str]:
    """Up to the closing quote; two quotes are one that belongs to the field."""
    field = ""
    while True:
        inner, quote, text = text.partition('"')
        if not quote:
            raise ValueError('a missing " at the end of a field')
        field += inner
        if not text.startswith('"'):
            break
        field, text = field + '"', text[1:]
    if text and not text.startswith(","):
        raise ValueError('something behind the " that ends a field')
    return field, text


_TRUTH: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
# Go's strconv with base 0: a prefix chooses the base, a leading zero is octal, and _ may part digits.
_BASES: Final = (
    (re.compile(r"0[xX](_?[0-9a-fA-F])+"), 16),
    (re.compile(r"0[bB](_?[01])+"), 2),
    (re.compile(r"0[oO](_?[0-7])+"), 8),
    (re.compile(r"0(_?[0-7])*"), 8),
    (re.compile(r"[1-9](_?[0-9])*"), 10),
)
_LONGEST: Final = 80  # characters of a number; more are no number that any field holds
_FLOAT: Final = re.compile(r"[-+]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)([eE][-+]?\d{1,3})?", re.ASCII)
_MILLISECOND: Final = 10**6  # nanoseconds
_DURATION: Final = re.compile(r"[-+]?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+|[-+]?0")


def text(given: str) -> str:
    return given


def boolean(given: str) -> bool:
    """Go's strconv.ParseBool."""
    if given not in _TRUTH:
        raise ValueError("it takes true or false")
    return _TRUTH[given]


def integer(given: str) -> int:
    """A signed number of 64 bits."""
    return _ranged(given, -MAXIMUM - 1, MAXIMUM)


def allowed(number: int, rule: Json) -> int:
    """`number`, if it is between the bounds that the schema of overrides files has for it."""
    if not schema.is_allowed(number, rule):
        raise ValueError(f"it is not {schema.allowed_range(rule)}")
    return number


def weight(given: str) -> int:
    """A share of block I/O, or 0 for none of its own."""
    return allowed(_ranged(given, 0, (1 << 16) - 1), schema.form("weight"))


def _ranged(given: str, lowest: int, highest: int) -> int:
    sign, digits = (given[0], given[1:]) if given[:1] in ("-", "+") and lowest < 0 else ("", given)
    for pattern, base in _BASES:
        if len(digits) <= _LONGEST and pattern.fullmatch(digits):
            number = int(f"{sign}{digits.replace('_', '')}", 0 if base != 8 else 8)  # noqa: PLR2004  (0o is optional in Go)
            if lowest <= number <= highest:
                return number
            raise ValueError(f"it is not between {lowest} and {highest}")
    raise ValueError("it is not a whole number")


def decimal(given: str) -> int:
    """A signed number of 64 bits in decimal digits only."""
    if not re.fullmatch(r"[-+]?[0-9]{1,80}", given) or not -MAXIMUM - 1 <= int(given) <= MAXIMUM:
        raise ValueError("it is not a whole number of 64 bits")
    return int(given)


def size(given: str) -> int:
    """Bytes of `512m`, `1.5g`, `64KiB`, `1e3`; units are powers of 1024, a fraction of a byte is cut off."""
    match = re.fullmatch(r"(?P<number>.*[0-9.])(?P<space> ?)(?P<unit>[^0-9. ]*)", given, re.DOTALL)
    if match is None or not _FLOAT.fullmatch(match["number"]):
        raise ValueError("it is not a size such as 512m or 1.5g")
    unit = match["unit"].lower()
    if unit not in ("", "b") and (unit[0] not in POWERS or unit[1:] not in ("", "b", "ib")):
        raise ValueError(f"{match['unit']!r} is not a unit (b, k, m, g, t, p)")
    number = float(match["number"]) * 1024.0 ** POWERS.get(unit[:1], 0)
    if not math.isfinite(number) or not 0 <= number < MAXIMUM:
        raise ValueError("it is below 0 or has more than 63 bits")
    return int(number)


def size_or_unlimited(given: str) -> int:
    """Bytes as in `size`, or -1 for no limit."""
    return -1 if given == "-1" else size(given)


def duration(given: str) -> int:
    """Nanoseconds of Go's time.ParseDuration: 1h30m, 1.5s, .5s, 0. Docker takes none between 0 and a millisecond."""
    if not _DURATION.fullmatch(given):
        raise ValueError("it is not a duration such as 1m30s")
    if given.startswith("-") and not re.fullmatch(r"[-0.a-zµμ]+", given):
        raise ValueError("it cannot be negative")
    unsigned = given.lstrip("+-").replace("μ", "µ")
    digits = re.sub(r"\.(?![0-9])", "", re.sub(r"(?<![0-9])\.", "0.", unsigned))
    nanoseconds = 0 if digits == "0" else parse_duration(digits)
    if 0 < nanoseconds < _MILLISECOND:
        raise ValueError("it is less than 1ms")
    return nanoseconds


def one_of(*allowed: str) -> Callable[[str], str]:
    """One of a few words."""

    def chosen(given: str) -> str:
        if given not in allowed:
            raise ValueError("it takes " + ", ".join(word for word in allowed if word))
        return given

    return chosen


def assignment(given: str) -> tuple[str, str]:
    """NAME=VALUE, or a NAME with nothing behind it."""
    name, _, value = given.partition("=")
    return name, value
