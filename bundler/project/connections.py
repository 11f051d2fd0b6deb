"""Connecting the bundles of a project: the overrides keys that give each its bridges and the names of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json, Origin
from bundler.overrides.coercions import coerce
from bundler.overrides.compose import services as compose
from bundler.overrides.embedded import EMBEDDED
from bundler.overrides.files import Reader as FileReader
from bundler.overrides.keys.networking import is_host_name
from bundler.overrides.node import Node, from_json
from bundler.project.addresses import Seat, choose_addresses, choose_networks
from bundler.project.external_networks import ExternalNetwork, PluginList
from bundler.project.hosts import Peer, hosts
from bundler.project.networks import Joined, NetworkDefinition, define, in_order, joined_by
from bundler.project.record import Attachment, Network
from bundler.project.services import Service
from bundler.project.sharing import Sharing, etc_files

_LONGEST: Final = 64  # characters of a host name
_NETWORK_MODES: Final = {"default": "bridge", "bridge": "bridge"}


@dataclass(frozen=True, slots=True)
class Connections:
    """Networks with their definitions, and of each service the bridges that it is on, or else the keys that say its
    mode.
    """

    project: str
    networks: Mapping[str, Network]
    definitions: Mapping[str, NetworkDefinition]
    joined: Mapping[str, Sequence[Joined]]
    modes: Mapping[str, Mapping[str, Node]]
    peers: Mapping[str, Peer]
    shared: Sharing
    found: dict[object, Mapping[str, Node]] = field(default_factory=dict)

    def attachments(self, bundle: str) -> Mapping[str, Attachment]:
        return self.peers[bundle].attachments

    def keys(self, service: Service, bundle: str, keys: Mapping[str, Node]) -> dict[str, Node]:
        """The overrides keys, each in its one form, that connect the bundle and give it the names of others, beside the
        `keys` of its service.
        """
        own, node = self.peers[bundle], service.node
        name = literal_at(self.container_name(service, bundle), node)
        connected = {"name": name, "container_name": keys.get("container_name", name)}
        kept = self.shared.kept(service.name)
        connected |= {"shared_namespaces": from_json(kept, node.origin)} if kept else {}
        hosts_stated = keys["extra_hosts"].entries() if "extra_hosts" in keys else {}
        if service.name in self.modes:
            connected |= self.modes[service.name]
            owner = self.shared.network_of(service.name)
            return connected if owner is None else connected | self.of_owner(owner, service, hosts_stated)
        bridges = [from_json(self.bridge(each, bundle), each.node.origin) for each in self.joined[service.name]]
        if "ports" in keys:
            connected |= {"ports": self.ports(service, keys["ports"])}
        return connected | {
            "network_mode": literal_at("bridge", node),
            "bridges": node.with_value(tuple(bridges)),
            "extra_hosts": node.with_value({**self.names_for(own, service), **hosts_stated}),
        }

    def ports(self, service: Service, published: Node) -> Node:
        """The ports, at the address that the network has for them by which they come in."""
        joined = (self.definitions[each.network] for each in self.joined[service.name])
        leading = next((definition for definition in joined if not definition.internal), None)
        if leading is None or leading.published_at is None:
            return published
        address = literal_at(str(leading.published_at), leading.node)
        listed = [(port, port.entries()) for port in published.items()]
        return published.with_value(
            tuple(
                port if entries["host_ip"].value else port.with_value({**entries, "host_ip": address})
                for port, entries in listed
            )
        )

    def of_owner(self, owner: Service, service: Service, hosts_stated: Mapping[str, Node]) -> dict[str, Node]:
        """The keys of a service in the network of `owner`: its name, and the names of others with its own hosts."""
        (bundle,) = owner.bundles
        files = etc_files(given_name(self.project, owner), service.entries)
        taken = {"name": owner.entries.get("hostname") or literal_at(self.container_name(owner, bundle), owner.node)}
        if "domainname" in owner.entries and "domainname" not in service.entries:
            taken["domainname"] = owner.entries["domainname"]
        if hosts_stated:
            known = self.names_for(self.peers[bundle], owner)
            taken["extra_hosts"] = service.node.with_value({**known, **hosts_stated})
        return taken | {"etc_files": from_json(dict(files), service.node.origin)}

    def names_for(self, own: Peer, service: Service) -> Mapping[str, Node]:
        """The names of others with their addresses; bundles on the same networks find the same."""
        links = _links(service)
        known = (tuple(own.attachments), tuple(links.items()))
        if known not in self.found:
            listed = hosts(own, list(self.peers.values()), self.networks, links)
            origin = Origin("bundler", "addresses")
            self.found[known] = {name: from_json(addresses, origin) for name, addresses in listed.items()}
        return self.found[known]

    def container_name(self, service: Service, bundle: str) -> str:
        name = f"{self.project}-{bundle}"
        if len(name) > _LONGEST:
            what = f"the container's name {printable(name)} has more than {_LONGEST} characters"
            raise service.node.key_error(what, "--name gives the project a shorter one")
        return name

    def bridge(self, joined: Joined, bundle: str) -> dict[str, Json]:
        """An entry of the overrides key `bridges`."""
        network, definition = self.networks[joined.network], self.definitions[joined.network]
        place = self.peers[bundle].attachments[joined.network]
        entry: dict[str, Json] = {
            "name": network.bridge,
            "subnet": str(network.subnet),
            "gateway": str(network.gateway),
            "address": str(place.address),
        }
        if network.ipv6 is not None:
            ipv6 = network.ipv6
            entry["ipv6"] = {
                "subnet": str(ipv6.subnet),
                "gateway": str(ipv6.gateway),
                "address": str(place.address6),
            }
        entry |= {"internal": True} if network.internal else {}
        entry |= {"mac_address": joined.mac_address} if joined.mac_address is not None else {}
        return entry | dict(definition.options)


def connect(
    project: str,
    files: compose.Project,
    services: Sequence[Service],
    shared: Sharing,
    *,
    pool: IPv4Network,
    external: Mapping[str, ExternalNetwork],
) -> Connections:
    """The networks, addresses and names of all bundles. Raises RequestError.

    Subnets of the project are taken from `pool`; `external` are networks of the machine, by their names in Docker.
    """
    ways = _Ways(project, files, external)
    joined = {service.name: ways.of(service) for service in services}
    joined = {name: in_order(each, ways.definitions) for name, each in joined.items()}
    seats: dict[str, list[Seat]] = {name: [] for name in ways.definitions}
    for service in services:
        for each in joined[service.name]:
            _check_one(service, each)
            seats[each.network] += [Seat(bundle, each) for bundle in service.bundles]
    ordered = [definition for _, definition in sorted(ways.definitions.items())]
    networks = choose_networks(project, ordered, seats, pool)
    places = {name: choose_addresses(networks[name], ways.definitions[name], seats[name]) for name in networks}
    peers = {
        bundle: Peer(
            bundle,
            service.name,
            _names(project, service, bundle),
            {each.network: each.aliases for each in joined[service.name]},
            {each.network: places[each.network][bundle] for each in joined[service.name]},
            service.node,
        )
        for service in services
        for bundle in service.bundles
    }
    return Connections(project, networks, ways.definitions, joined, ways.modes, peers, shared)


class _Ways:
    """How services are connected: by bridges, which are defined, or by a mode and what it needs."""

    def __init__(self, project: str, files: compose.Project, external: Mapping[str, ExternalNetwork]) -> None:
        self._project, self._files, self._external = project, files, external
        self.definitions: dict[str, NetworkDefinition] = {}
        self.modes: dict[str, Mapping[str, Node]] = {}

    def of(self, service: Service) -> tuple[Joined, ...]:
        """The bridges that the service is on; none where it has a mode. Raises RequestError."""
        joined = joined_by(service)
        if not joined:
            self.modes[service.name] = {"network_mode": _mode(service)}
        for each in joined:
            defined = self.definitions.get(each.network) or self._define(each)
            if isinstance(defined, NetworkDefinition):
                self.definitions[each.network] = defined
                continue
            if len(joined) > 1:
                why = "plugins connect it" if isinstance(defined, PluginList) else "it is one of Docker's own"
                what = f"networks: {printable(each.network[:60])}: {why}, and a service on it is on no other"
                raise each.node.error(what)
            self.modes[service.name] = self._mode_of(defined, each.node)
            return ()
        return joined

    def _define(self, joined: Joined) -> NetworkDefinition | PluginList | str:
        return define(joined.network, joined.node, self._files, self._project, self._external)

    def _mode_of(self, network: PluginList | str, node: Node) -> dict[str, Node]:
        if isinstance(network, str):
            return {"network_mode": coerce("network_mode", literal_at(network, node))}
        files = FileReader(Path(), self._files.reader.files)
        plugins = EMBEDDED["cni"](literal_at(network.path, node), files)
        return {"network_mode": coerce("network_mode", literal_at("cni", node)), "cni": plugins}


def _check_one(service: Service, joined: Joined) -> None:
    if service.replicas > 1 and (joined.asked or joined.mac_address):
        raise joined.node.error(f"networks: {service.replicas} containers cannot have one address")


def _mode(service: Service) -> Node:
    """`network_mode` in bundler's words. Raises RequestError for what a project does not do."""
    node = service.entries["network_mode"]
    text = str(node.value)
    if text.startswith("container:"):
        raise node.error(f"network_mode: {printable(text[:60])}: no network of another container is shared, so far")
    return coerce("network_mode", node.with_value(_NETWORK_MODES.get(text, text)))


def given_name(project: str, service: Service) -> str:
    """The container name of a service with one container."""
    named = service.entries.get("container_name")
    return f"{project}-{service.name}" if named is None else str(named.value)


def _names(project: str, service: Service, bundle: str) -> tuple[str, ...]:
    """What others find a container by on every network, as with compose: container names have a number there."""
    number = bundle.removeprefix(service.name) if service.replicas > 1 else "-1"
    named = service.entries.get("container_name")
    own = f"{project}-{service.name}{number}" if named is None else str(named.value)
    called = service.entries.get("hostname")
    host = () if called is None or not is_host_name(str(called.value)) else (str(called.value),)
    return (service.name, own, f"{project}-{bundle}", *host)


def _links(service: Service) -> dict[str, str]:
    """Other names of services, which a service gives them for itself."""
    links = {}
    for item in service.entries["links"].listed() if "links" in service.entries else ():
        name, _, alias = str(item.value).partition(":")
        links[alias or name] = name
    return links


def literal_at(text: str, node: Node) -> Node:
    return Node(text, node.origin, written=text, key_where=node.key_where)
