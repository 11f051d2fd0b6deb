"""Ranges of ids, `CONTAINER:HOST:SIZE`: which id outside a user namespace each id inside stands for."""

import re
from collections.abc import Sequence
from typing import Final

from bundler.errors import printable
from bundler.origins import Origin
from bundler.overrides.node import Node, from_json

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


def stated_maps(uid_map: Sequence[str], gid_map: Sequence[str]) -> dict[str, Node]:
    """The keys that the options --uid-map and --gid-map stand for. Raises RequestError."""
    given = {"uid_map": ("--uid-map", uid_map), "gid_map": ("--gid-map", gid_map)}
    return {key: _stated(option, texts) for key, (option, texts) in given.items() if texts}


def _stated(option: str, texts: Sequence[str]) -> Node:
    origin = Origin("overrides", option)
    return parse_id_map(Node(tuple(Node(text, origin) for text in texts), origin))


def caller_maps(uid: int, gid: int) -> dict[str, Node]:
    """The one id that an ordinary user may map: his own, as root."""
    origin = Origin("bundler", "--rootless: the user who built the bundle")
    return {
        key: from_json([{"containerID": 0, "hostID": number, "size": 1}], origin)
        for key, number in (("uid_map", uid), ("gid_map", gid))
    }
