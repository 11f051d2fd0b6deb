"""What people write for a namespace: docker's words, and paths. Some of docker's words need a daemon."""

import re
from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node

_NETWORKS: Final = ("private", "none", "host", "bridge", "cni", "netns")
_NETWORK_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_OF_ANOTHER: Final = ("container:", "service:")
# What /proc/PID/ns calls a namespace, where it is not called like the key (namespaces(7)).
_IN_PROC: Final = {"network_mode": "net", "userns_mode": "user", "mount_ns": "mnt"}
_PODMAN_USERS: Final = ("keep-id", "auto", "nomap")


def check_network_mode(node: Node) -> Node:
    """`private`, `none`, `host`, `ns:PATH`, one that hooks connect, or docker's `default` or name of a network."""
    text = node.text()
    _refuse_another("network_mode", node)
    if text in _NETWORKS or text.startswith("ns:/") or text.removeprefix("hook:") not in ("", text):
        return node
    if not _NETWORK_NAME.fullmatch(text):
        hint = "allowed are private, none, host, bridge, cni, netns, hook:NAME, ns:PATH and the name of a network"
        raise node.error(f"network_mode: {printable(text[:60])!r} is no network", hint=hint)
    return node


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


def _check_mode(key: str, node: Node, words: tuple[str, ...]) -> Node:
    text = node.text()
    _refuse_another(key, node)
    if text not in words and not text.startswith("ns:/"):
        hint = f"allowed are {', '.join(words)} and ns:PATH"
        raise node.error(f"{key}: {printable(text[:60])!r} is no namespace", hint=hint)
    return node


def _refuse_another(key: str, node: Node) -> None:
    """Another container has no path until it runs, and nobody here knows it."""
    text = node.text()
    if text.startswith(_OF_ANOTHER):
        raise node.error(
            f"{key}: {printable(text[:60])} is known to a daemon only",
            hint=f"name the namespace by its path: {key}: ns:/proc/PID/ns/{_IN_PROC.get(key, key)}",
        )
