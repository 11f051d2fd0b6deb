"""The bridges that a container is connected to by the overrides key `bridges`, in the order of its interfaces."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from bundler.conversion.rule import Inputs
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET
from bundler.overrides.node import Node


@dataclass(frozen=True, slots=True)
class BridgeSide6:
    """The IPv6 side of a bridge."""

    subnet: IPv6Network
    gateway: IPv6Address
    address: IPv6Address


@dataclass(frozen=True, slots=True)
class Bridge:
    """One bridge of the machine, and the container's address on it. `node` is where it is said."""

    name: str
    subnet: IPv4Network
    gateway: IPv4Address
    address: IPv4Address
    ipv6: BridgeSide6 | None
    internal: bool
    masquerade: bool
    icc: bool
    mtu: int | None
    mac_address: str | None
    node: Node

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        return (self.address,) if self.ipv6 is None else (self.address, self.ipv6.address)


def bridges(inputs: Inputs) -> list[Bridge]:
    """Those of a container with `network_mode: bridge`; none where it has bundler's own, or another network."""
    mode = inputs.overrides.get("network_mode")
    if mode is UNSET or mode.value != "bridge":
        return []
    return [_bridge(node) for node in inputs.overrides.items("bridges")]


def _bridge(node: Node) -> Bridge:
    said = node.plain()
    ipv6 = said.get("ipv6")
    return Bridge(
        name=said["name"],
        subnet=IPv4Network(said["subnet"]),
        gateway=IPv4Address(said["gateway"]),
        address=IPv4Address(said["address"]),
        ipv6=None
        if ipv6 is None
        else BridgeSide6(IPv6Network(ipv6["subnet"]), IPv6Address(ipv6["gateway"]), IPv6Address(ipv6["address"])),
        internal=said.get("internal", False),
        masquerade=said.get("masquerade", True),
        icc=said.get("icc", True),
        mtu=said.get("mtu"),
        mac_address=said.get("mac_address"),
        node=node,
    )
