"""`/linux`: namespaces, kernel parameters, hidden and read-only paths (runtime-spec config-linux.md)."""

from typing import Final

from bundler.conversion.givens import Givens
from bundler.conversion.network import has_own_network, network_mode
from bundler.conversion.part import ABSENT, Part, array, table
from bundler.errors import printable
from bundler.origins import UNSET, Json, Sourced
from bundler.overrides.node import Node

# What the kernel keeps per namespace: a container may set these, anything else would change the whole machine.
_IPC_SYSCTLS: Final = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)


def namespaces(givens: Givens) -> Part:
    """The profile's namespaces, the network one as `network_mode` says."""
    mode = network_mode(givens)
    listed: list[Sourced[Json]] = []
    for item in givens.profile.items("/linux/namespaces"):
        if item.value["type"] != "network" or mode.value in ("private", "none"):
            listed.append(item)
        elif mode.value.startswith("ns:"):
            listed.append(Sourced({"type": "network", "path": mode.value.removeprefix("ns:")}, mode.origin))
    return array(listed)


def sysctl(givens: Givens) -> Part:
    """The profile's kernel parameters, and the overrides' on top.

    The profile's are all about the network: they are written where the network is the container's own.
    """
    parameters: dict[str, Sourced[Json]] = {}
    defaults = givens.profile.get("/linux/sysctl")
    if defaults is not UNSET and has_own_network(givens):
        parameters = {name: Sourced(value, defaults.origin) for name, value in sorted(defaults.value.items())}
    node = givens.overrides.get("sysctls")
    if node is not UNSET:
        for name, value in node.entries().items():
            _check_sysctl(givens, name, value)
            parameters[name] = Sourced(value.text(), value.origin)
    return table(parameters)


def _check_sysctl(givens: Givens, name: str, node: Node) -> None:
    shown = printable(name)
    if name.startswith("net."):
        if not has_own_network(givens):
            mode = network_mode(givens).value.partition(":")[0]
            raise node.error(f"sysctls: {shown} would change the network that network_mode: {mode} shares")
    elif not (name.startswith("fs.mqueue.") or name in _IPC_SYSCTLS):
        raise node.error(
            f"sysctls: {shown} belongs to the whole machine, not to a container",
            hint=f"a container may set net.*, fs.mqueue.* and {', '.join(sorted(_IPC_SYSCTLS))}",
        )


def masked_paths(givens: Givens) -> Part:
    """`/linux/maskedPaths`: what of /proc and /sys tells too much of the machine."""
    return _guarded(givens, "/linux/maskedPaths")


def readonly_paths(givens: Givens) -> Part:
    """`/linux/readonlyPaths`: what of /proc would let a container change the machine."""
    return _guarded(givens, "/linux/readonlyPaths")


def _guarded(givens: Givens, pointer: str) -> Part:
    node = givens.overrides.get("system_paths")
    if givens.overrides.is_true("privileged") or (node is not UNSET and node.value == "unconfined"):
        return ABSENT
    return array(givens.profile.items(pointer))
