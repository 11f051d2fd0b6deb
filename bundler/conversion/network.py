"""Which network a container sees, and which of the machine's devices move into it."""

from bundler.conversion.givens import Givens
from bundler.conversion.namespaces import is_own, is_shared_with_machine, mode
from bundler.conversion.part import ABSENT, Part, table
from bundler.origins import UNSET, Sourced


def network_mode(givens: Givens) -> Sourced[str]:
    """`private`, `none`, `host` or `ns:PATH`: what Docker calls bridge, or by a network's name, is private."""
    decided, node = mode(givens, "network"), givens.overrides.get("network_mode")
    if node is not UNSET and node.value == "none":
        return Sourced("none", decided.origin)
    return decided


def has_own_network(givens: Givens) -> bool:
    """Whether the container gets a network namespace made for it; Docker's `none` is one, too."""
    return is_own(givens, "network")


def net_devices(givens: Givens) -> Part:
    """`/linux/netDevices` (config-linux.md, network devices): moved into the container's network, maybe renamed."""
    node = givens.overrides.get("net_devices")
    if node is UNSET or not node.entries():
        return ABSENT
    if is_shared_with_machine(givens, "network"):
        raise node.error("net_devices: with the machine's own network there is nowhere to move them")
    entries = {name: Sourced(device.plain(), device.origin) for name, device in node.entries().items()}
    return table(entries)
