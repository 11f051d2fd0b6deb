"""The names by which a bundle of a project finds the others: lines of /etc/hosts with Docker's DNS answers.

Docker's DNS server asks the container's networks one by one, those that are not internal first, of these the ones with
IPv6. The first network that knows the name answers: with each container that has it as service, name or alias.
"""

from collections.abc import Iterator, Mapping, Sequence

from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.overrides.keys.networking import is_host_name
from bundler.overrides.node import Node
from bundler.project.record import Attachment, Network


@dataclass(frozen=True, slots=True)
class Peer:
    """A container of the project: `names` it has on every network, `aliases` on one, and its places on networks."""

    bundle: str
    service: str
    names: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]]
    attachments: Mapping[str, Attachment]
    node: Node


def hosts(
    own: Peer, peers: Sequence[Peer], networks: Mapping[str, Network], links: Mapping[str, str]
) -> dict[str, list[str]]:
    """Addresses by name, as the container `own` finds them. `links` are names for services that only it has."""
    order = sorted(own.attachments, key=lambda name: (networks[name].internal, networks[name].ipv6 is None))
    addresses_of: dict[str, list[str]] = {}
    for network in order:
        of_network: dict[str, list[str]] = {}
        for peer in peers:
            if network in peer.attachments:
                for name in _names(peer, network):
                    of_network.setdefault(name, []).extend(_addresses(peer.attachments[network]))
        for name, addresses in of_network.items():
            addresses_of.setdefault(name, addresses)
    for alias, service in links.items():
        if service in addresses_of:
            addresses_of[alias] = addresses_of[service]
    return addresses_of


def _names(peer: Peer, network: str) -> Iterator[str]:
    """Each once."""
    for name in dict.fromkeys((*peer.names, *peer.aliases.get(network, ()))):
        if not is_host_name(name):
            raise peer.node.error(f"networks: {printable(name[:60])!r} is not a host name")
        yield name


def _addresses(attachment: Attachment) -> list[str]:
    sides = (attachment.address, attachment.address6)
    return [str(address) for address in sides if address is not None]
