"""Bridges of the machine that a container is connected to, with addresses that are known when it is built."""

import ipaddress
from collections.abc import Callable
from typing import Final, TypeVar

from bundler.errors import printable
from bundler.overrides.node import Node

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
T = TypeVar("T")
_FAMILIES: Final[dict[str, tuple[Callable[[str], Subnet], Callable[[str], Address]]]] = {
    "IPv4": (ipaddress.IPv4Network, ipaddress.IPv4Address),
    "IPv6": (ipaddress.IPv6Network, ipaddress.IPv6Address),
}


def expand_bridges(node: Node) -> Node:
    """A list of bridges, each with addresses of its subnets in their shortest spelling. Raises RequestError."""
    names: set[str] = set()
    listed = []
    for item in node.items():
        name = item.entries()["name"]
        if name.text() in names:
            raise name.error(f"bridges: {printable(name.text())} stands twice in one list")
        names.add(name.text())
        entry = item.entries() | _side("IPv4", item)
        if "ipv6" in entry:
            entry["ipv6"] = entry["ipv6"].with_value(_side("IPv6", entry["ipv6"]))
        listed.append(item.with_value(entry))
    return node.with_value(tuple(listed))


def _side(family: str, node: Node) -> dict[str, Node]:
    """Subnet, gateway and address of one family, which have to be of each other."""
    parse_subnet, parse_address = _FAMILIES[family]
    entry = node.entries()
    subnet = _parsed(entry["subnet"], parse_subnet, f"an {family} subnet")
    gateway, address = (_parsed(entry[key], parse_address, f"an {family} address") for key in ("gateway", "address"))
    for key, each in (("gateway", gateway), ("address", address)):
        if not is_usable(each, subnet):
            raise entry[key].error(f"bridges: {key}: {each} is not an address of {subnet} that can be given out")
    if gateway == address:
        raise entry["address"].error(f"bridges: {address} is the gateway, and cannot be the container's, too")
    return {
        "subnet": entry["subnet"].with_value(str(subnet)),
        "gateway": entry["gateway"].with_value(str(gateway)),
        "address": entry["address"].with_value(str(address)),
    }


def is_usable(address: Address, subnet: Subnet) -> bool:
    """Whether an interface may have it: neither that of the subnet itself, nor the one of all that are in it."""
    return address in subnet and address not in (subnet.network_address, subnet.broadcast_address)


def _parsed(node: Node, parse: Callable[[str], T], what: str) -> T:
    try:
        return parse(node.text())
    except ValueError:
        raise node.error(f"bridges: {printable(node.text()[:60])!r} is not {what}") from None
