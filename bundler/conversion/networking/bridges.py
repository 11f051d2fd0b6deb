"""The bridges that a container is connected to by the overrides key `bridges`, in the order of its interfaces."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from bundler.conversion.rule import Inputs
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET
from bundler.overrides.node import Node
from bundler.subnets import IPV4, IPV6


@dataclass(frozen=True, slots=True)
class Side:
    """One family of addresses on a bridge: `gateway` is the machine's, `address` the container's."""

    subnet: IPv4Network | IPv6Network
    gateway: IPv4Address | IPv6Address
    address: IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Bridge:
    """One bridge of the machine, and the container's place on it by family. `node` is where it is said."""

    name: str
    sides: Mapping[int, Side]
    internal: bool
    masquerade: bool
    icc: bool
    mtu: int | None
    mac_address: str | None
    node: Node

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        return tuple(side.address for side in self.sides.values())


def bridges(inputs: Inputs) -> list[Bridge]:
    """Those of a container with `network_mode: bridge`; none where it has bundler's own, or another network."""
    mode = inputs.overrides.get("network_mode")
    if mode is UNSET or mode.value != "bridge":
        return []
    return [_bridge(node) for node in inputs.overrides.items("bridges")]


def ways_out(bridges: Sequence[Bridge]) -> dict[int, Bridge]:
    """By family the bridge that leads to other networks, and where published ports come in: the first one that can."""
    ways: dict[int, Bridge] = {}
    for bridge in bridges:
        if not bridge.internal:
            for family in bridge.sides:
                ways.setdefault(family, bridge)
    return ways


def _bridge(node: Node) -> Bridge:
    stated = node.plain()
    families = {IPV4: stated, IPV6: stated.get("ipv6")}
    return Bridge(
        name=stated["name"],
        sides={
            family: Side(ip_network(side["subnet"]), ip_address(side["gateway"]), ip_address(side["address"]))
            for family, side in families.items()
            if side is not None
        },
        internal=stated.get("internal", False),
        masquerade=stated.get("masquerade", True),
        icc=stated.get("icc", True),
        mtu=stated.get("mtu"),
        mac_address=stated.get("mac_address"),
        node=node,
    )
