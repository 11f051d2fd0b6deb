"""What a machine lets pass to a bridge and from it, as Docker does: rules of iptables, which hooks/network sets.

A bridge is reached by its own containers, by answers, and at ports that are published: by nothing else, and from an
internal one nothing leads out. The machine itself is no part of this: it forwards nothing to get there.

Each rule stands for itself, in any order among those of other bridges, and depends on its bridge alone: so those of all
bridges can be set at once, from whatever containers there are.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.subnets import IPV6

Subnet = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
# What stands before all others' rules for what is forwarded, what stands behind them, and what changes addresses.
_ISOLATION: Final = "filter BUNDLER-ISOLATION"
_FORWARD: Final = "filter BUNDLER-FORWARD"
_POSTROUTING: Final = "nat BUNDLER-POSTROUTING"
_PUBLISHED: Final = "-m conntrack --ctstate DNAT"
_NOT_PUBLISHED: Final = "-m conntrack ! --ctstate DNAT"


@dataclass(frozen=True, slots=True)
class Interface:
    """A bridge as the machine sees it: its subnet of each family, with the machine's own address in it."""

    name: str
    subnets: Mapping[int, tuple[Subnet, Address]]
    internal: bool = False
    masquerade: bool = True
    icc: bool = True


def rules(bridge: Interface) -> list[str]:
    """Lines of FAMILY BRIDGE TABLE CHAIN and what follows the chain in a call of iptables, or of ip6tables."""
    listed = []
    for family, (subnet, gateway) in bridge.subnets.items():
        listed += [f"{family} {bridge.name} {rule}" for rule in _of_family(bridge, subnet, gateway)]
    return listed


def _of_family(bridge: Interface, subnet: Subnet, gateway: Address) -> Iterator[str]:
    name = bridge.name
    known = "RELATED,ESTABLISHED" if bridge.internal else "RELATED,ESTABLISHED,DNAT"
    yield f"{_ISOLATION} -o {name} -m conntrack --ctstate {known} -j RETURN"
    if bridge.icc:
        yield f"{_ISOLATION} -i {name} -o {name} -j RETURN"
    yield f"{_ISOLATION} -o {name} -j DROP"
    if bridge.internal:
        yield f"{_ISOLATION} -i {name} {_NOT_PUBLISHED} -j DROP"
    # Even where the machine forwards nothing by default.
    yield f"{_FORWARD} -i {name} -j ACCEPT"
    yield f"{_FORWARD} -o {name} -j ACCEPT"
    # What another container publishes answers by the way that the request came: a container that is on both bridges
    # would answer from its own address else, which was not asked.
    whose = "" if bridge.masquerade and not bridge.internal else f" {_PUBLISHED}"
    yield f"{_POSTROUTING} -s {subnet} ! -o {name}{whose} -j MASQUERADE"
    if subnet.version == IPV6 and not bridge.internal:
        yield f"{_POSTROUTING} -s ::1 -o {name} -j SNAT --to-source {gateway}"  # ::1 cannot be answered
