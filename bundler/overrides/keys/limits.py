"""Resource limits: what compose and Docker spell in several ways → numbers in the units of the runtime-spec."""

import re
from typing import Final

from bundler.errors import printable
from bundler.overrides.keys.scalars import UNSIGNED, size, whole
from bundler.overrides.node import Node

LEAST_MEMORY: Final = 6 << 20  # bytes; dockerd refuses less, with which a runtime cannot start the process
# Docker refuses processors and memory nodes beyond this, before it would count them.
_MOST_PROCESSORS: Final = 8192
_RANGE: Final = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")
_NUMBERS: Final = re.compile(r"([0-9]{1,4}):([0-9]{1,7})")

# Block devices whose numbers are the same on every machine (the kernel's devices.txt): name → major, and how many
# minors apart two of them are. virtio, NVMe and device mapper are not here: their numbers are given out at boot.
_BLOCK_DEVICES: Final = (
    (re.compile(r"ram([0-9]{1,3})"), 1, 1),
    (re.compile(r"loop([0-9]{1,3})"), 7, 1),
    (re.compile(r"sd([a-p])([0-9]{1,2})?"), 8, 16),
    (re.compile(r"md([0-9]{1,3})"), 9, 1),
    (re.compile(r"sr([0-9]{1,3})"), 11, 1),
    (re.compile(r"nbd([0-9]{1,3})"), 43, 1),
)


def number_set(key: str, node: Node) -> Node:
    """A set of processors or memory nodes (cpuset(7), list format): `0-3,8`, kept as written."""
    text = str(node.value) if isinstance(node.value, int) else node.text()
    for part in text.split(",") if text else ():
        match = _RANGE.fullmatch(part)
        if match is None:
            raise node.error(f"{key}: {printable(part[:40])!r} is not a number or a range", hint="for example 0-3,8")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last or last >= _MOST_PROCESSORS:
            raise node.error(f"{key}: {part} is not a range below {_MOST_PROCESSORS}")
    return node.with_value(text)


def ulimits(node: Node) -> Node:
    """Each limit as {soft, hard}; one number is both, and no limit is the largest number."""
    return node.with_value({name: _ulimit(f"ulimits.{name}", limit) for name, limit in node.entries().items()})


def _ulimit(key: str, node: Node) -> Node:
    if node.value is None:
        return node
    given = node.value if isinstance(node.value, dict) else {"soft": node, "hard": node}
    soft, hard = (_limit(given[side]) for side in ("soft", "hard"))
    if soft > hard:
        raise node.error(f"{key}: the soft limit {soft} is above the hard limit {hard}")
    return node.with_value({"soft": node.with_value(soft), "hard": node.with_value(hard)})


def _limit(node: Node) -> int:
    return UNSIGNED - 1 if node.value in ("unlimited", -1, "-1") else int(str(node.value))


def block_io(node: Node) -> Node:
    """`blkio_config` with numbers for sizes, and each device by its numbers (`device`, as major:minor)."""
    coerced: dict[str, Node] = {}
    for name, entry in node.entries().items():
        if entry.value is None:
            coerced[name] = entry
        elif isinstance(entry.value, tuple):
            listed = (_device(f"blkio_config.{name}", device) for device in entry.value)
            coerced[name] = entry.with_value(
                tuple({device.entries()["device"].value: device for device in listed}.values())
            )
        else:
            coerced[name] = whole(name, entry)
    return node.with_value(coerced)


def _device(key: str, node: Node) -> Node:
    """One device with its weights, or its rate: in bytes, which is a size, or in operations."""
    limits = {name: entry for name, entry in node.entries().items() if name != "path"}
    rate = size if key.endswith("bps") else whole
    coerced = {name: (rate if name == "rate" else whole)(f"{key}.{name}", entry) for name, entry in limits.items()}
    return node.with_value({"device": _device_numbers(node.entries()["path"]), **coerced})


def _device_numbers(path: Node) -> Node:
    text = path.text()
    if _NUMBERS.fullmatch(text):
        return path.with_value(":".join(str(int(number)) for number in text.split(":")))
    for pattern, major, step in _BLOCK_DEVICES:
        match = pattern.fullmatch(text.removeprefix("/dev/"))
        if match and text.startswith("/dev/"):
            number = int(match[1]) if match[1].isdecimal() else ord(match[1]) - ord("a")
            partition = int(match[2]) if step > 1 and match[2] else 0
            if partition < step or step == 1:
                return path.with_value(f"{major}:{number * step + partition}")
    raise path.error(
        f"blkio_config: the numbers of {printable(text[:60])} differ from machine to machine",
        hint="give them as path: MAJOR:MINOR (lsblk shows them on the target)",
    )
