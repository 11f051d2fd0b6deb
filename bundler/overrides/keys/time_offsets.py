"""Offsets of the clocks of a time namespace, as durations: `36h`, `1m30s`, `-500ms`."""

import re
from fractions import Fraction
from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node

_NANOSECONDS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_TERM: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(ns|us|ms|s|m|h)")
_DURATION: Final = re.compile(rf"-?(?:{_TERM.pattern})+")
_MAXIMUM: Final = (1 << 63) - 1  # seconds: the runtime-spec's int64


def parse_time_offsets(node: Node) -> Node:
    """{clock: duration} as {clock: {secs, nanosecs}}; nanosecs are never negative. Raises RequestError."""
    return node.with_value({clock: _parse(clock, offset) for clock, offset in node.entries().items()})


def _parse(clock: str, node: Node) -> Node:
    if node.value is None:
        return node
    text = node.text()
    if not _DURATION.fullmatch(text):
        raise node.error(f"time_offsets.{clock}: {printable(text[:40])!r} is not a duration such as 36h or -1m30s")
    total = sum(Fraction(number) * _NANOSECONDS[unit] for number, unit in _TERM.findall(text))
    if total.denominator != 1:
        raise node.error(f"time_offsets.{clock}: {text} is finer than a nanosecond")
    seconds, nanoseconds = divmod(int(-total if text.startswith("-") else total), 10**9)
    if abs(seconds) > _MAXIMUM:
        raise node.error(f"time_offsets.{clock}: {text} is more than 63 bits of seconds")
    return node.with_value({"secs": node.with_value(seconds), "nanosecs": node.with_value(nanoseconds)})
