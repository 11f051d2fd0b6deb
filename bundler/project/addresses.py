"""The subnets of a project's networks and the addresses of its bundles: the same each time.

They follow from the project alone: its name, its networks, its services. A hash of the names of project and network
chooses the subnet, so that two projects on one machine hardly ever overlap, and one more network changes no other.
"""

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from itertools import islice
from typing import Any, Final

from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass
from bundler.overrides.keys.bridges import is_usable
from bundler.project.networks import Joined, NetworkDefinition, Range
from bundler.project.record import Attachment, Network, Subnet6
from bundler.subnets import IPV4, IPV6, OF_PROJECTS

_BITS: Final = 26  # of a subnet that nothing else is said of: 61 containers
_ROOM: Final = 3  # addresses that no container has: the subnet's, the gateway's, and all's
_LOCAL6: Final = ipaddress.IPv6Network("fd00::/8")  # RFC 4193, of which the sum says the rest


@dataclass(frozen=True, slots=True)
class Seat:
    """A bundle that needs an address on a network."""

    bundle: str
    joined: Joined


def choose_networks(
    project: str,
    definitions: Sequence[NetworkDefinition],
    seats: Mapping[str, Sequence[Seat]],
    pool: IPv4Network = OF_PROJECTS,
) -> dict[str, Network]:
    """The networks with their subnets. Raises RequestError if two overlap, or the pool is full."""
    taken: list[IPv4Network] = []
    for definition in definitions:
        subnet = definition.ranges.get(IPV4, Range()).subnet
        if isinstance(subnet, IPv4Network):
            _check_free(definition, subnet, taken)
            taken.append(subnet)
    networks = {}
    for definition in definitions:
        stated = definition.ranges.get(IPV4, Range())
        subnet = stated.subnet
        if not isinstance(subnet, IPv4Network):
            size = min(_BITS, 32 - (len(seats.get(definition.name, ())) + _ROOM).bit_length())
            subnet = _free(f"{project}/{definition.name}", pool, size, taken)
            taken.append(subnet)
        networks[definition.name] = Network(
            definition.bridge,
            subnet,
            _gateway(definition, subnet, stated),
            definition.internal,
            _side6(project, definition),
        )
    return networks


def choose_addresses(network: Network, definition: NetworkDefinition, seats: Sequence[Seat]) -> dict[str, Attachment]:
    """The address of each bundle on a network: the one that was asked for, else the next free one, in order of names.

    Raises RequestError, with its place in the file, for an address that the network cannot have.
    """
    addresses = _family(network.subnet, network.gateway, definition, seats)
    addresses6: Mapping[str, Any] = {}
    if network.ipv6 is not None:
        addresses6 = _family(network.ipv6.subnet, network.ipv6.gateway, definition, seats)
    else:
        for seat in seats:
            if IPV6 in seat.joined.asked:
                hint = f"enable_ipv6: true under networks.{definition.name} gives it one"
                raise seat.joined.node.error("networks: ipv6_address: the network has no IPv6", hint=hint)
    return {seat.bundle: Attachment(addresses[seat.bundle], addresses6.get(seat.bundle)) for seat in seats}


def _family(subnet: Any, gateway: Any, definition: NetworkDefinition, seats: Sequence[Seat]) -> dict[str, Any]:
    """The addresses of one family, which is the subnet's."""
    family = subnet.version
    stated = definition.ranges.get(family, Range())
    taken = {gateway: "the gateway's", **dict.fromkeys(stated.reserved, "one of aux_addresses")}
    chosen: dict[str, Any] = {}
    for seat in seats:
        asked = seat.joined.asked.get(family)
        if asked is None:
            continue
        if not is_usable(asked, subnet):
            raise seat.joined.node.error(f"networks: {asked} is not an address of {subnet}")
        if asked in taken:
            raise seat.joined.node.error(f"networks: {asked} is {taken[asked]}, too")
        taken[asked] = f"that of {seat.bundle}"
        chosen[seat.bundle] = asked
    listed = _hosts(stated.given or subnet, subnet)
    waiting = sorted((seat for seat in seats if seat.bundle not in chosen), key=lambda seat: _natural(seat.bundle))
    for seat in waiting:
        hosts = listed if definition.seed is None else _hosts_from(f"{definition.seed}/{seat.bundle}", subnet)
        address = next((each for each in hosts if each not in taken), None)
        if address is None:
            raise seat.joined.node.error(
                f"networks: there are more containers than addresses in {stated.given or subnet}"
            )
        taken[address] = f"that of {seat.bundle}"
        chosen[seat.bundle] = address
    return chosen


def _hosts_from(seed: str, subnet: IPv4Network) -> Iterator[IPv4Address]:
    """All of the subnet, from where the sum of `seed` says."""
    start = int.from_bytes(_sum(seed)[:8], "big")
    addresses = (subnet[(start + number) % subnet.num_addresses] for number in range(subnet.num_addresses))
    return (address for address in addresses if is_usable(address, subnet))


def _natural(name: str) -> tuple[str, int]:
    """web-2 before web-10."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if stem and number.isascii() and number.isdigit() else (name, 0)


def _hosts(given: IPv4Network | IPv6Network, subnet: IPv4Network | IPv6Network) -> Iterator[Any]:
    return (address for address in given if is_usable(address, subnet))


def _gateway(definition: NetworkDefinition, subnet: Any, stated: Range) -> Any:
    gateway = stated.gateway or next((each for each in _hosts(subnet, subnet) if each not in stated.reserved), None)
    if gateway is None or not is_usable(gateway, subnet):
        raise definition.node.error(f"networks.{definition.name}: {subnet} has no address for the machine")
    return gateway


def _side6(project: str, definition: NetworkDefinition) -> Subnet6 | None:
    """The IPv6 side of a network that has one."""
    stated = definition.ranges.get(IPV6, Range())
    if not definition.has_ipv6:
        return None
    subnet = stated.subnet
    if not isinstance(subnet, IPv6Network):
        bits = int.from_bytes(_sum(f"{project}/{definition.name}")[:7], "big")  # all but fd and the 64 of an interface
        subnet = IPv6Network((int(_LOCAL6.network_address) | bits << 64, 64))
    return Subnet6(subnet, _gateway(definition, subnet, stated))


def _free(seed: str, pool: IPv4Network, size: int, taken: Collection[IPv4Network]) -> IPv4Network:
    """A subnet of `size` bits that none of `taken` meets, from where the sum of `seed` says. Raises RequestError."""
    if size < pool.prefixlen:
        raise RequestError(f"--subnet {pool} is too small for this project", hint="name a larger one")
    count = 1 << (size - pool.prefixlen)
    start = int.from_bytes(_sum(seed)[:8], "big") % count
    for number in islice(range(start, start + count), len(taken) * count + 1):
        subnet = IPv4Network((int(pool.network_address) + ((number % count) << (32 - size)), size))
        if not any(subnet.overlaps(each) for each in taken):
            return subnet
    raise RequestError(f"--subnet {pool} is too small for this project", hint="name a larger one")


def _check_free(definition: NetworkDefinition, subnet: IPv4Network, taken: Iterable[IPv4Network]) -> None:
    for each in taken:
        if subnet.overlaps(each):
            raise definition.node.error(f"networks.{definition.name}: {subnet} and {each} of another network overlap")


def _sum(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
