"""`/linux`: kernel parameters, hidden and read-only paths (runtime-spec config-linux.md)."""

from typing import Final

from bundler.conversion.mounts.mounts import matches
from bundler.conversion.namespaces import is_shared_with_machine
from bundler.conversion.networking.network import has_own_network
from bundler.conversion.rule import Inputs, RuleResult, array, table
from bundler.errors import printable
from bundler.origins import UNSET, Json, Sourced, beating
from bundler.overrides.keys.namespaces import IPC_SYSCTLS
from bundler.overrides.node import Node

_PING_GROUPS: Final = "net.ipv4.ping_group_range"


def sysctl(inputs: Inputs) -> RuleResult:
    """`/linux/sysctl`: the profile's kernel parameters, the domain name, and the overrides' on top.

    The profile's are all about the network: dockerd writes them where the network is the container's own, and the
    groups that may ping not in a user namespace, which has not got them all. A domain name is a kernel parameter to
    dockerd, not the runtime-spec's `domainname`.
    """
    parameters: dict[str, Sourced[Json]] = {}
    defaults = inputs.profile.get("/linux/sysctl")
    if defaults is not UNSET and has_own_network(inputs):
        in_user_namespace = not is_shared_with_machine(inputs, "user")
        for name, value in sorted(defaults.value.items()):
            if not (name == _PING_GROUPS and in_user_namespace):
                parameters[name] = Sourced(value, defaults.origin)
    domain = inputs.overrides.get("domainname")
    if domain is not UNSET and domain.value:
        if is_shared_with_machine(inputs, "uts"):
            raise domain.error("domainname: would change the name that uts: host shares")
        parameters = {"kernel.domainname": Sourced(domain.text(), domain.origin)} | parameters
    node = inputs.overrides.get("sysctls")
    if node is not UNSET:
        for name, value in node.entries().items():
            _check_sysctl(inputs, name, value)
            below = parameters.get(name)
            parameters[name] = Sourced(value.text(), beating(value.origin, below.origin if below else None))
    return table(parameters)


def _check_sysctl(inputs: Inputs, name: str, node: Node) -> None:
    """What docker's command line refuses, and what a runtime refuses in the machine's own namespaces."""
    shown = printable(name)
    if name.startswith("net."):
        if is_shared_with_machine(inputs, "network"):
            raise node.error(f"sysctls: {shown} would change the network that network_mode: host shares")
    elif name.startswith("fs.mqueue.") or name in IPC_SYSCTLS:
        if is_shared_with_machine(inputs, "ipc"):
            raise node.error(f"sysctls: {shown} would change what ipc: host shares")
    else:
        raise node.error(
            f"sysctls: {shown} belongs to the whole machine, not to a container",
            hint=f"a container may set net.*, fs.mqueue.* and {', '.join(sorted(IPC_SYSCTLS))}",
        )


def masked_paths(inputs: Inputs) -> RuleResult:
    """`/linux/maskedPaths` (config-linux.md, masked paths): what of /proc and /sys tells too much of the machine."""
    return _guarded(inputs, "/linux/maskedPaths", "masked_paths")


def readonly_paths(inputs: Inputs) -> RuleResult:
    """`/linux/readonlyPaths` (config-linux.md, readonly paths): what would let a container change the machine."""
    return _guarded(inputs, "/linux/readonlyPaths", "readonly_paths")


def _guarded(inputs: Inputs, pointer: str, key: str) -> RuleResult:
    """The profile's paths, less what `system_paths` uncovers; then those the overrides name, even when privileged."""
    node = inputs.overrides.get("system_paths")
    changes = node.entries() if node is not UNSET and isinstance(node.value, dict) else {}
    uncovered = tuple(item.text() for item in changes["unmask"].items()) if "unmask" in changes else ()
    paths = inputs.profile.items(pointer)
    if inputs.overrides.is_true("privileged") or (node is not UNSET and node.value == "unconfined"):
        paths = []
    paths = [path for path in paths if not any(word == "ALL" or matches(path.value, word) for word in uncovered)]
    named = changes["mask"].items() if "mask" in changes and key == "masked_paths" else ()
    there = {path.value for path in paths}
    for item in (*named, *inputs.overrides.items(key)):
        if item.value not in there:
            there.add(item.value)
            paths.append(Sourced(item.value, item.origin))
    return array(paths)
