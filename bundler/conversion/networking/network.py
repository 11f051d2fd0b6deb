"""Which network a container sees, and which of the machine's devices move into it."""

from bundler.conversion.inputs import Givens
from bundler.conversion.namespaces import is_own, is_shared_with_machine, mode
from bundler.conversion.resources import cdi
from bundler.conversion.rule_result import Part, table
from bundler.errors import RequestError
from bundler.origins import UNSET, Sourced
from bundler.subnets import SUBNET


def gateway(givens: Givens) -> str | None:
    """The machine as its containers see it, by the bridge's own address; None where bundler makes no bridge."""
    node = givens.overrides.get("network_mode")
    return str(SUBNET[1]) if node is not UNSET and node.value == "bridge" else None


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
    named = {} if node is UNSET else node.entries()
    entries = cdi.net_devices(givens) | {name: Sourced(device.plain(), device.origin) for name, device in named.items()}
    if entries and is_shared_with_machine(givens, "network"):
        where = next(iter(entries.values())).origin.where
        raise RequestError(f"{where}: net_devices: with the machine's own network there is nowhere to move them")
    return table(entries)
