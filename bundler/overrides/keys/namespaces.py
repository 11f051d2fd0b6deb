"""Namespaces, and which ids of the machine those of a user namespace stand for.

A namespace is one of docker's words, of which some need a daemon, or a path. Ids are mapped by ranges,
`CONTAINER:HOST:SIZE`.
"""

import re
from collections.abc import Sequence
from typing import Final

from bundler.errors import printable
from bundler.origins import Origin
from bundler.overrides import schema
from bundler.overrides.node import Node, from_json

_RANGE: Final = re.compile(r"([0-9]{1,10}):([0-9]{1,10}):([0-9]{1,10})")
_IDS: Final = (1 << 32) - 1  # which itself is no id (user_namespaces(7))
# Kernel parameters that each IPC namespace has of its own (ipc_namespaces(7)).
IPC_SYSCTLS: Final = tuple(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)
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
        hint = "for example 0:100000:65536"
        raise node.error(f"{match[0]} is empty or goes beyond the last id, {_IDS - 1}", hint=hint)
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


OF_ANOTHER: Final = ("container:", "service:")
# What /proc/PID/ns calls a namespace, where it is not called like the key (namespaces(7)).
_IN_PROC: Final = {"network_mode": "net", "userns_mode": "user", "mount_ns": "mnt"}
_PODMAN_USERS: Final = ("keep-id", "auto", "nomap")


def check_namespace(key: str, node: Node) -> Node:
    """One of the schema's words, `ns:` with an absolute path or, for a network, `hook:` with a name.

    Podman's words for user namespaces depend on who builds, and on which machine. Raises RequestError.
    """
    text, words = node.text(), schema.rule(key)["words"]
    if key == "userns_mode" and text.partition(":")[0] in _PODMAN_USERS:
        raise node.error(
            f"userns_mode: {printable(text[:60])} depends on the machine and the user that build",
            hint="write down the ids: uid_map: ['0:100000:65536']",
        )
    _refuse_another(key, node)
    form, colon, rest = text.partition(":")
    forms = {"ns": rest.startswith("/"), "hook": bool(rest) and "hook:NAME" in words}
    if not (forms.get(form) if colon else text in words):
        what = "network" if key == "network_mode" else "namespace"
        raise node.error(f"{key}: {printable(text[:60])!r} is no {what}", hint=schema.nearest_word(text, words))
    return node


def _refuse_another(key: str, node: Node) -> None:
    """Raise RequestError for another container's namespace, which has no path until that runs."""
    text = node.text()
    if text.startswith(OF_ANOTHER):
        raise node.error(
            f"{key}: {printable(text[:60])} is known to a daemon only",
            hint=f"name the namespace by its path: {key}: ns:/proc/PID/ns/{_IN_PROC.get(key, key)}",
        )
