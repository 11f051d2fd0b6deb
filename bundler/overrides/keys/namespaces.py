"""What people write for a namespace: docker's words, and paths. Some of docker's words need a daemon."""

from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node
from bundler.overrides.schema import nearest_word

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
