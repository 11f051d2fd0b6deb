"""A container on the bridges of the overrides key `bridges`, where each address is known when it is built."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from bundler.conversion.networking.bridges import Bridge, ways_out
from bundler.conversion.networking.network import PublishedPort, mappings, published_ports
from bundler.conversion.networking.packet_filter import Interface
from bundler.conversion.networking.plugins import DEFAULT_ROUTES, BridgePlugin, Plugin, bridge_plugins
from bundler.conversion.networking.wiring import Wiring
from bundler.conversion.rule import Inputs
from bundler.origins import Json
from bundler.subnets import IPV4, IPV6

_FAMILIES: Final = (IPV4, IPV6)


def wiring(inputs: Inputs, named: Sequence[Bridge], mac_address: str | None) -> Wiring:
    """One interface for each bridge; the first has `mac_address`, unless its bridge says another. The others have one
    that follows from their address.

    Raises RequestError for a port that no bridge brings in.
    """
    out = ways_out(named)
    ports = _ports(inputs, out)
    addresses = [
        bridge.mac_address or (None if number else mac_address) or _hardware_address(bridge.sides[IPV4].address)
        for number, bridge in enumerate(named)
    ]
    has_ipv6 = any(IPV6 in bridge.sides for bridge in named)
    plugins = {
        family: [
            _plugins(bridge, [each for each in _FAMILIES if each <= family and each in bridge.sides], out, ports, mac)
            for bridge, mac in zip(named, addresses, strict=True)
        ]
        for family in (_FAMILIES if has_ipv6 else (IPV4,))
    }
    return Wiring(plugins, [_interface(bridge) for bridge in named], ports)


def _hardware_address(address: IPv4Address | IPv6Address) -> str:
    """As Docker has long made it. Neighbours of a container that is started again would send what is for its address to
    the interface that it had before, for up to a minute.
    """
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + address.packed)


def _ports(inputs: Inputs, out: Mapping[int, Bridge]) -> list[PublishedPort]:
    """Those of the families that come in somewhere; none at all where all bridges are internal."""
    for node in inputs.overrides.items("ports") if out else ():
        address = node.plain()["host_ip"]
        if address and ip_address(address).version not in out:
            raise node.error(
                f"ports: {address}: no bridge of this container that leads out has IPv6",
                hint="enable_ipv6: true gives it to a network of compose, ipv6 to one of bridges",
            )
    return [port for port in published_ports(inputs) if port.family in out]


def _plugins(
    bridge: Bridge,
    families: Sequence[int],
    out: Mapping[int, Bridge],
    ports: Sequence[PublishedPort],
    mac_address: str,
) -> list[Plugin]:
    sides = [bridge.sides[family] for family in families]
    leading = [family for family in families if out.get(family) is bridge]
    plugin = BridgePlugin(
        network=bridge.name,
        bridge=bridge.name,
        ranges=[{"subnet": str(side.subnet), "gateway": str(side.gateway)} for side in sides],
        routes=[DEFAULT_ROUTES[family] for family in leading],
        options=_options(bridge),
    )
    settings: Plugin = {
        "portMappings": mappings([port for port in ports if port.family in leading], families),
        "mac": mac_address,
        "ips": [str(side.address) for side in sides],
    }
    return bridge_plugins(plugin, settings)


def _options(bridge: Bridge) -> dict[str, Json]:
    """`icc` is for hooks/network: plugins from 1.6 on know `portIsolation`, which depends on nothing else."""
    options: dict[str, Json] = {} if bridge.mtu is None else {"mtu": bridge.mtu}
    return options if bridge.icc else options | {"icc": False}


def _interface(bridge: Bridge) -> Interface:
    subnets = {family: (side.subnet, side.gateway) for family, side in bridge.sides.items()}
    return Interface(bridge.name, subnets, internal=bridge.internal, masquerade=bridge.masquerade, icc=bridge.icc)
