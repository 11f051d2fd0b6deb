"""Ranges of ids, `CONTAINER:HOST:SIZE`: which id outside a user namespace each id inside stands for."""

import re
from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node

_RANGE: Final = re.compile(r"([0-9]{1,10}):([0-9]{1,10}):([0-9]{1,10})")
_IDS: Final = (1 << 32) - 1  # 2^32 - 1 itself is nobody's id (user_namespaces(7))
MAXIMUM_RANGES: Final = 340  # user_namespaces(7), since Linux 4.15


def parse_id_map(node: Node) -> Node:
    """A list of ranges as the runtime-spec has them: {containerID, hostID, size}. Raises RequestError.

    Ranges may not overlap, neither inside nor outside: the kernel would refuse the map.
    """
    ranges = tuple(_parse_range(item) for item in node.items())
    if len(ranges) > MAXIMUM_RANGES:
        raise node.error(f"an id map has at most {MAXIMUM_RANGES} ranges, this has {len(ranges)}")
    for side, name in (("containerID", "the container"), ("hostID", "the machine")):
        taken: list[tuple[int, int]] = []
        for entry in ranges:
            values = entry.plain()
            start, end = values[side], values[side] + values["size"]
            if any(start < other_end and other < end for other, other_end in taken):
                raise entry.error(f"this range overlaps an earlier one in {name}")
            taken.append((start, end))
    return node.with_value(ranges)


def _parse_range(node: Node) -> Node:
    if isinstance(node.value, dict):
        return node
    match = _RANGE.fullmatch(node.text())
    if match is None:
        hint = "for example 0:100000:65536"
        raise node.error(f"{printable(node.text()[:60])!r} is not CONTAINER:HOST:SIZE", hint=hint)
    inside, outside, size = (int(number) for number in match.groups())
    if size == 0 or inside + size > _IDS or outside + size > _IDS:
        raise node.error(f"{match[0]} is empty or goes beyond the last id, {_IDS - 1}")
    names = ("containerID", "hostID", "size")
    return node.with_value(
        {name: node.with_value(value) for name, value in zip(names, (inside, outside, size), strict=True)}
    )
