"""Values that limit resources: processors, ulimits, devices with a weight or a rate."""

import re
from fractions import Fraction
from typing import Final

from bundler.overrides.docker_run.values import decimal, integer, size

_RATIONAL: Final = re.compile(r"[-+]?(?P<numerator>[0-9]+(\.[0-9]*)?|\.[0-9]+)(?P<rest>/[0-9]+|[eE][-+]?[0-9]{1,3})?")
_OTHER_DIGITS: Final = re.compile(r"0[xXbBoO][0-9a-fA-F_]{1,40}|[1-9][0-9]*(_[0-9]+)+")
_ULIMITS: Final = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio"),
    *("rttime", "sigpending", "stack"),
)
_UNSIGNED: Final = 1 << 64
_LIGHTEST, _HEAVIEST = 10, 1000
_BILLIONTHS: Final = 10**9
_MOST: Final = (1 << 63) - 1


def processors(given: str) -> str:
    """A number of processors: 1.5, .5, 1e0 or 1/2; exact to a billionth. The result is a plain decimal."""
    if _OTHER_DIGITS.fullmatch(given):
        given = str(integer(given))
    match = _RATIONAL.fullmatch(given)
    if match is None or ("/" in (match["rest"] or "") and "." in match["numerator"]):
        raise ValueError("it is not a number such as 1.5")
    try:
        number = Fraction(given.replace("./", "/").rstrip(".") if given[-1:] == "." else given)
    except (ValueError, ZeroDivisionError):
        raise ValueError("it is not a number such as 1.5") from None
    billionths = number * _BILLIONTHS
    if billionths.denominator != 1:
        raise ValueError("it is too precise: a billionth of a processor is the least step")
    if number != 0 and not Fraction(1, 100) <= number <= Fraction(_MOST, _BILLIONTHS):
        raise ValueError("the range of CPUs starts at 0.01")
    whole, fraction = divmod(int(billionths), _BILLIONTHS)
    return f"{whole}.{fraction:09d}".rstrip("0").rstrip(".")


def ulimit(given: str) -> tuple[str, dict[str, int]]:
    """NAME=SOFT[:HARD]: the hard limit is the soft one unless given, and -1 is none."""
    name, separator, limits = given.partition("=")
    if not separator:
        raise ValueError("it is not NAME=SOFT[:HARD]")
    if name not in _ULIMITS:
        raise ValueError(f"{name!r} is not one of {', '.join(_ULIMITS)}")
    numbers = [decimal(number) for number in limits.split(":")]
    if len(numbers) > 2:  # noqa: PLR2004  (soft and hard)
        raise ValueError("it has more than two limits")
    soft, hard = numbers[0], numbers[-1]
    if hard != -1 and (soft == -1 or soft > hard):
        raise ValueError(f"the soft limit {soft} is above the hard limit {hard}")
    # Below -1 dockerd reinterprets the bits, as for every number it hands to the runtime.
    return name, {"soft": soft if soft >= -1 else soft + _UNSIGNED, "hard": hard if hard >= -1 else hard + _UNSIGNED}


def weighted_device(given: str) -> dict[str, str | int]:
    """/dev/PATH:WEIGHT, from 10 to 1000, or 0 for none."""
    path, weight = _device(given)
    if not re.fullmatch(r"[0-9]{1,5}", weight) or not (int(weight) == 0 or _LIGHTEST <= int(weight) <= _HEAVIEST):
        raise ValueError(f"its weight has to be between {_LIGHTEST} and {_HEAVIEST}")
    return {"path": path, "weight": int(weight)}


def byte_rate(given: str) -> dict[str, str | int]:
    """/dev/PATH:SIZE, in bytes for each second."""
    path, rate = _device(given)
    return {"path": path, "rate": size(rate)}


def io_rate(given: str) -> dict[str, str | int]:
    """/dev/PATH:NUMBER, of operations in each second."""
    path, rate = _device(given)
    if not re.fullmatch(r"[0-9]{1,20}", rate):
        raise ValueError("its rate has to be a whole number")
    return {"path": path, "rate": int(rate)}


def _device(given: str) -> tuple[str, str]:
    path, _, value = given.partition(":")
    if not path.startswith("/dev/") or not value:
        raise ValueError("it is not /dev/PATH:NUMBER")
    return path, value
