"""Which network a container sees, which of the machine's devices move into it, and which ports are published."""

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from bundler.conversion.namespaces import is_own, is_shared_with_machine, mode
from bundler.conversion.networking.bridges import bridges, ways_out
from bundler.conversion.resources import cdi
from bundler.conversion.rule import Inputs, RuleResult, table
from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Json, Sourced
from bundler.overrides.node import Node
from bundler.subnets import IPV4, IPV6, SUBNET

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_EVERYWHERE: Final[dict[int, Address]] = {IPV4: ipaddress.IPv4Address(0), IPV6: ipaddress.IPv6Address(0)}


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """The machine's port `outside`, at an address of the machine or at all of a family, leads to the port `inside`."""

    protocol: str
    address: Address
    outside: int
    inside: int

    @property
    def family(self) -> int:
        return self.address.version

    def word(self) -> str:
        """What the hook is told; it has the whole of an IPv6 address, since a shell cannot fill in what `::` omits."""
        return f"{self.protocol}/{self.address.exploded}/{self.outside}/{self.inside}"


def published_ports(inputs: Inputs) -> list[PublishedPort]:
    """All of `ports`, in order; one without an address is of both families on bundler's bridge, as with Docker.

    Raises RequestError for what cannot be published.
    """
    switch, mode = inputs.overrides.get("enable_ipv6"), inputs.overrides.get("network_mode")
    without_ipv6 = switch is not UNSET and switch.value is False
    both = not without_ipv6 and mode is not UNSET and mode.value == "bridge"
    ports = []
    for node in inputs.overrides.items("ports"):
        for address in _addresses(node, both=both):
            if address.version == IPV6 and without_ipv6:
                raise node.error(f"ports: {address}: enable_ipv6: false leaves the container without IPv6")
            ports.append(_port(node, address))
    return list(dict.fromkeys(ports))


def _addresses(node: Node, *, both: bool) -> list[Address]:
    given = node.plain()["host_ip"]
    if given:
        return [ipaddress.ip_address(given)]
    return [_EVERYWHERE[IPV4], *([_EVERYWHERE[IPV6]] if both else [])]


def _port(node: Node, address: Address) -> PublishedPort:
    port = node.plain()
    if port["published"] is None:
        raise node.error(
            f"ports: {port['target']}: the port of the machine is missing",
            hint="bundler chooses none by itself: write 8080:80",
        )
    return PublishedPort(port["protocol"], address, port["published"], port["target"])


def mappings(ports: Collection[PublishedPort], families: Sequence[int]) -> list[Json]:
    """`portMappings` of portmap: one without an address stands for every family that the container has."""
    known = set(ports)
    listed: dict[PublishedPort, Json] = {}
    for port in ports:
        everywhere = [replace(port, address=_EVERYWHERE[family]) for family in families]
        mapping = {"hostPort": port.outside, "containerPort": port.inside, "protocol": port.protocol}
        if port in everywhere and known.issuperset(everywhere):
            listed.setdefault(everywhere[0], mapping)
        else:
            listed[port] = mapping | {"hostIP": str(port.address)}
    return list(listed.values())


def gateway(inputs: Inputs) -> str | None:
    """The machine as its containers see it, by the bridge's own address; None where bundler makes no bridge.

    A container that is on internal bridges alone reaches it by the first of these.
    """
    node = inputs.overrides.get("network_mode")
    if node is UNSET or node.value != "bridge":
        return None
    named = bridges(inputs)
    if not named:
        return str(SUBNET[1])
    return str(ways_out(named).get(IPV4, named[0]).sides[IPV4].gateway)


def network_mode(inputs: Inputs) -> Sourced[str]:
    """`private`, `none`, `host` or `ns:PATH`: what Docker calls bridge, or by a network's name, is private."""
    decided, node = mode(inputs, "network"), inputs.overrides.get("network_mode")
    if node is not UNSET and node.value == "none":
        return Sourced("none", decided.origin)
    return decided


def has_own_network(inputs: Inputs) -> bool:
    """Whether the container gets a network namespace made for it; Docker's `none` is one, too."""
    return is_own(inputs, "network")


def net_devices(inputs: Inputs) -> RuleResult:
    """`/linux/netDevices` (config-linux.md, network devices): moved into the container's network, maybe renamed."""
    node = inputs.overrides.get("net_devices")
    named = {} if node is UNSET else node.entries()
    entries = cdi.net_devices(inputs) | {name: Sourced(device.plain(), device.origin) for name, device in named.items()}
    if entries and is_shared_with_machine(inputs, "network"):
        where = next(iter(entries.values())).origin.where
        raise RequestError(f"{where}: net_devices: with the machine's own network there is nowhere to move them")
    return table(entries)
