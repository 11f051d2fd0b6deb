"""Resource limits: what compose and Docker spell in several ways → numbers in the units of the runtime-spec."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from bundler.errors import printable
from bundler.overrides.keys.scalars import MAXIMUM, parse_duration, parse_size, whole_number
from bundler.overrides.node import Node

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


def size_or_unlimited(key: str) -> Callable[[Node], Node]:
    """The normal form of a size in bytes, or of -1 for no limit."""

    def normal_form(node: Node) -> Node:
        if node.value in (-1, "-1"):
            return node.with_value(-1)
        return node.with_value(_size(node, key))

    return normal_form


def _size(node: Node, key: str) -> int:
    if isinstance(node.value, int):
        return whole_number(node, key, 0, MAXIMUM)
    try:
        return parse_size(node.text())
    except ValueError as error:
        raise node.error(f"{key}: {error}") from None


def microseconds(key: str) -> Callable[[Node], Node]:
    """The normal form of a time in microseconds: a number, or a duration such as `950ms`."""

    def normal_form(node: Node) -> Node:
        if isinstance(node.value, str) and not node.value.isdecimal():
            try:
                nanoseconds = parse_duration(node.value)
            except ValueError as error:
                raise node.error(f"{key}: {error}") from None
            return node.with_value(nanoseconds // 1000)
        return node.with_value(whole_number(node, key, 0, MAXIMUM))

    return normal_form


def number_set(key: str) -> Callable[[Node], Node]:
    """The normal form of a set of processors or memory nodes (cpuset(7), list format): `0-3,8`, kept as written."""

    def normal_form(node: Node) -> Node:
        text = str(node.value) if isinstance(node.value, int) else node.text()
        for part in text.split(",") if text else ():
            match = _RANGE.fullmatch(part)
            if match is None:
                raise node.error(
                    f"{key}: {printable(part[:40])!r} is not a number or a range", hint="for example 0-3,8"
                )
            first, last = int(match[1]), int(match[2] or match[1])
            if first > last or last >= _MOST_PROCESSORS:
                raise node.error(f"{key}: {part} is not a range below {_MOST_PROCESSORS}")
        return node.with_value(text)

    return normal_form


def block_io(node: Node) -> Node:
    """`blkio_config` with numbers for sizes, and each device by its numbers (`device`, as major:minor)."""
    normal: dict[str, Node] = {}
    for name, entry in node.entries().items():
        if entry.value is None:
            normal[name] = entry
        elif name in ("weight", "leaf_weight"):
            normal[name] = entry.with_value(_weight(entry, name))
        else:
            devices = {device.entries()["device"].value: device for device in map(_named(name), entry.items())}
            normal[name] = entry.with_value(tuple(devices.values()))
    return node.with_value(normal)


def _named(name: str) -> Callable[[Node], Node]:
    def device(node: Node) -> Node:
        entries = node.entries()
        found = {"device": _device_numbers(entries["path"])}
        if name == "weight_device":
            weights = {key: entries[key] for key in ("weight", "leaf_weight") if key in entries}
            return node.with_value(
                found | {key: entry.with_value(_weight(entry, key)) for key, entry in weights.items()}
            )
        rate = entries["rate"]
        where = f"blkio_config.{name}.rate"
        given = _size(rate, where) if name.endswith("bps") else whole_number(rate, where, 0, MAXIMUM)
        return node.with_value(found | {"rate": rate.with_value(given)})

    return device


def _weight(node: Node, name: str) -> int:
    """10 to 1000 (runtime-spec config-linux.md, block IO); 0 is Docker's way to say nothing."""
    weight = whole_number(node, f"blkio_config.{name}", 0, 1000)
    if 0 < weight < 10:  # noqa: PLR2004
        raise node.error(f"blkio_config.{name}: {weight} is out of range", hint="allowed are 10 to 1000")
    return weight


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


def by_name(normal_forms: Mapping[str, Callable[[Node], Node]]) -> Callable[[Node], Node]:
    """The normal form of a map some of whose entries have one of their own; null stays null."""

    def normal_form(node: Node) -> Node:
        entries = node.entries()
        forms = {name: normal_forms[name](entries[name]) for name in normal_forms if _is_set(entries.get(name))}
        return node.with_value(entries | forms)

    return normal_form


def _is_set(node: Node | None) -> bool:
    return node is not None and node.value is not None


def huge_pages(node: Node) -> Node:
    """`hugepages`: page sizes as the kernel names them (`2MB`) → bytes."""
    return node.with_value(
        {
            page: limit if limit.value is None else limit.with_value(_size(limit, f"hugepages.{page}"))
            for page, limit in node.entries().items()
        }
    )
