"""Namespaces in docker's words and as paths; and which ids of the machine those of a user namespace stand for.

Ranges of ids, `CONTAINER:HOST:SIZE`: which id outside a user namespace each id inside stands for.

What people write for a namespace: docker's words, and paths. Some of docker's words need a daemon.
"""

import re
from collections.abc import Sequence
from typing import Final

from bundler.errors import printable
from bundler.origins import Origin
from bundler.overrides.node import Node, from_json
from bundler.overrides.schema import nearest_word

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


_NETWORKS: Final = ("private", "none", "host", "bridge", "cni", "netns", "default")
_OF_ANOTHER: Final = ("container:", "service:")
# What /proc/PID/ns calls a namespace, where it is not called like the key (namespaces(7)).
_IN_PROC: Final = {"network_mode": "net", "userns_mode": "user", "mount_ns": "mnt"}
_PODMAN_USERS: Final = ("keep-id", "auto", "nomap")


def check_network_mode(node: Node) -> Node:
    """`private`, `none`, `host`, `ns:PATH`, one that hooks connect, or docker's `default`, which says nothing more."""
    if node.text().removeprefix("hook:") not in ("", node.text()):
        return node
    return _check_mode("network_mode", node, _NETWORKS, ("hook:NAME", "ns:PATH"))


def check_ipc(node: Node) -> Node:
    return _check_mode("ipc", node, ("private", "none", "host", "shareable"))


def check_pid(node: Node) -> Node:
    return _check_mode("pid", node, ("private", "host"))


def check_uts(node: Node) -> Node:
    return _check_mode("uts", node, ("private", "host"))


def check_cgroup(node: Node) -> Node:
    return _check_mode("cgroup", node, ("private", "host"))


def check_time(node: Node) -> Node:
    return _check_mode("time", node, ("private", "host"))


def check_mount(node: Node) -> Node:
    return _check_mode("mount_ns", node, ("private",))


def check_users(node: Node) -> Node:
    """`host`, `private` or `ns:PATH`; podman's words depend on who builds, and on which machine."""
    if node.text().partition(":")[0] in _PODMAN_USERS:
        raise node.error(
            f"userns_mode: {printable(node.text()[:60])} depends on the machine and the user that build",
            hint="write down the ids: uid_map: ['0:100000:65536']",
        )
    return _check_mode("userns_mode", node, ("private", "host"))


def _check_mode(key: str, node: Node, words: tuple[str, ...], forms: tuple[str, ...] = ("ns:PATH",)) -> Node:
    text = node.text()
    _refuse_another(key, node)
    if text not in words and not text.startswith("ns:/"):
        what = "network" if key == "network_mode" else "namespace"
        hint = nearest_word(text, (*words, *forms))
        raise node.error(f"{key}: {printable(text[:60])!r} is no {what}", hint=hint)
    return node


def _refuse_another(key: str, node: Node) -> None:
    """Another container has no path until it runs, and nobody here knows it."""
    text = node.text()
    if text.startswith(_OF_ANOTHER):
        raise node.error(
            f"{key}: {printable(text[:60])} is known to a daemon only",
            hint=f"name the namespace by its path: {key}: ns:/proc/PID/ns/{_IN_PROC.get(key, key)}",
        )
