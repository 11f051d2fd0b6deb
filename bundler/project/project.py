"""Compose files become a project: all that its bundles are built from, before any image is looked at."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json, Origin
from bundler.overrides.coercions import coerce
from bundler.overrides.compose import services as compose
from bundler.overrides.compose.convert import imported_from, keys_in_project
from bundler.overrides.compose.mounts import Whole
from bundler.overrides.compose.project import Reader
from bundler.overrides.compose.variables import interpolate
from bundler.overrides.imports import Imported
from bundler.overrides.node import Node, from_json
from bundler.project.addresses import Seat, choose_addresses, choose_networks
from bundler.project.hosts import Peer, hosts
from bundler.project.names import is_project_name, project_name
from bundler.project.networks import Joined, NetworkDefinition, define, joined_by
from bundler.project.ports import check_ports
from bundler.project.record import Attachment, Network, ProjectBundle, ProjectRecord
from bundler.project.services import Service, started
from bundler.project.sharing import Sharing, sharing, with_paths
from bundler.subnets import OF_PROJECTS

_LONGEST: Final = 64  # characters of a host name
_NETWORK_MODES: Final = {"default": "bridge", "bridge": "bridge"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRequest:
    """What a project is made from, as the command line says it.

    `services` are those that are asked for, with what they depend on; without, all that have no profile, or one of
    `profiles`. The networks are in `pool`. `external` are folders of the machine by the names of external volumes.
    """

    files: Sequence[str]
    assignments: Sequence[str] = ()
    env_files: Sequence[str] = ()
    name: str | None = None
    services: Sequence[str] = ()
    profiles: Collection[str] = ()
    pool: IPv4Network = OF_PROJECTS
    external: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """`record` is what project.json says, but for what is known when all is built; `imports` are by bundle what it is
    built from, and `remarks` what there is to say of the files.
    """

    record: ProjectRecord
    imports: Mapping[str, Imported]
    remarks: tuple[str, ...]


def read_project(request: ProjectRequest) -> Project:
    """The project that compose files describe. Raises RequestError, with file, line and column."""
    reader = Reader.of(request.assignments, request.env_files, request.files[0])
    files = compose.Project(reader.project(request.files), reader)
    name = request.name or _name(files, request.files[0])
    if not is_project_name(name):
        raise RequestError(f"{printable(name[:60])!r} is no name of a project", hint="--name takes a-z, 0-9, _ and -")
    services = started(files, request.services, request.profiles)
    _check_bundles(services)
    namespaces = sharing(services)
    services = tuple(with_paths(service, namespaces, partial(_given_name, name)) for service in services)
    connections = _connect(name, files, services, request.pool, namespaces)
    check_ports(services)
    imports: dict[str, Imported] = {}
    bundles: list[ProjectBundle] = []
    whole = Whole(request.external)
    for service in services:
        keys = keys_in_project(service.node, service.name, files, whole)
        keys.pop("networks", None)  # connections say what it means
        volumes = tuple(dict.fromkeys(_shared_volumes(keys)))
        imported = imported_from(service.node.with_value(keys), files)
        for bundle in service.bundles:
            imports[bundle] = _with_keys(imported, connections.keys(service, bundle, imported.entries))
            bundles.append(
                ProjectBundle(bundle, service.name, service.depends_on, connections.attachments(bundle), volumes)
            )
    shared = tuple(sorted({volume for bundle in bundles for volume in bundle.volumes}))
    record = ProjectRecord(name, tuple(bundles), connections.networks, shared, tuple(reader.files))
    return Project(record, imports, tuple(reader.remarks))


def _with_keys(imported: Imported, keys: Mapping[str, Node]) -> Imported:
    """What a service says, with keys of one bundle in their one form above it."""
    root = imported.root.with_value({**imported.root.entries(), **keys})
    return replace(imported, root=root, entries={**imported.entries, **keys})


def _name(files: compose.Project, path: str) -> str:
    """As compose finds it: what the last file says, or else the folder of the first."""
    for file in reversed(files.files):
        named = file.root.entries().get("name")
        if named is not None and isinstance(named.value, str):
            return interpolate(named, file.variables).text()
    name = project_name(Path(files.files[0].folder).name)
    if not name:
        raise RequestError(f"{printable(path)}: its folder has no name to call the project by", hint="--name names it")
    return name


def _check_bundles(services: Sequence[Service]) -> None:
    """Raise RequestError where two bundles would have one folder."""
    owners: dict[str, Service] = {}
    for service in services:
        for bundle in service.bundles:
            other = owners.setdefault(bundle.lower(), service)
            if other is not service:
                what = f"the bundle {printable(bundle)} would be that of {printable(other.name)}, too"
                raise service.node.key_error(what, "rename one of the services")
        named = service.entries.get("container_name")
        if service.replicas > 1 and named is not None:
            raise named.error(
                f"container_name: {service.replicas} containers cannot have one name", hint="leave it out"
            )


def _shared_volumes(keys: Mapping[str, Node]) -> Iterator[str]:
    """The volumes of the project that a service mounts."""
    for item in keys["volumes"].items() if "volumes" in keys else ():
        details = item.value.get("volume") if isinstance(item.value, dict) else None
        if details is not None and isinstance(details.value, dict) and "shared" in details.value:
            yield item.entries()["source"].text()


@dataclass(frozen=True, slots=True)
class _Connections:
    """What connects the bundles: networks with their definitions, and of each bundle what it is on."""

    project: str
    networks: Mapping[str, Network]
    definitions: Mapping[str, NetworkDefinition]
    joined: Mapping[str, Sequence[Joined]]
    modes: Mapping[str, Node]
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
        name = _literal(self.container_name(service, bundle), node)
        connected = {"name": name, "container_name": keys.get("container_name", name)}
        kept = self.shared.kept(service.name)
        connected |= {"shared_namespaces": from_json(kept, node.origin)} if kept else {}
        said = keys["extra_hosts"].entries() if "extra_hosts" in keys else {}
        if service.name in self.modes:
            connected |= {"network_mode": coerce("network_mode", self.modes[service.name])}
            owner = self.shared.network_of(service.name)
            known = {} if owner is None else self.names_for(self.peers[owner.bundles[0]], owner)
            return connected | ({"extra_hosts": node.with_value({**known, **said})} if known else {})
        bridges = [from_json(self.bridge(each, bundle), each.node.origin) for each in self.joined[service.name]]
        return connected | {
            "network_mode": _literal("bridge", node),
            "bridges": node.with_value(tuple(bridges)),
            "extra_hosts": node.with_value({**self.names_for(own, service), **said}),
        }

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


def _connect(
    project: str, files: compose.Project, services: Sequence[Service], pool: IPv4Network, shared: Sharing
) -> _Connections:
    """Networks, addresses and names of all bundles. Raises RequestError."""
    joined = {service.name: joined_by(service) for service in services}
    modes = {service.name: _mode(service) for service in services if not joined[service.name]}
    definitions: dict[str, NetworkDefinition] = {}
    for service in services:
        for each in joined[service.name]:
            defined = definitions.get(each.network) or define(each.network, each.node, files, project)
            if isinstance(defined, NetworkDefinition):
                definitions[each.network] = defined
            elif len(joined[service.name]) > 1:
                raise each.node.error(f"networks: {defined} is one of Docker's own, and a service on it is on no other")
            else:
                modes[service.name] = _literal(defined, each.node)
                joined[service.name] = ()
    seats: dict[str, list[Seat]] = {name: [] for name in definitions}
    for service in services:
        for each in joined[service.name]:
            _check_one(service, each)
            seats[each.network] += [Seat(bundle, each) for bundle in service.bundles]
    ordered = [definitions[name] for name in sorted(definitions)]
    networks = choose_networks(project, ordered, seats, pool)
    places = {name: choose_addresses(networks[name], definitions[name], seats[name]) for name in networks}
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
    return _Connections(project, networks, definitions, joined, modes, peers, shared)


def _check_one(service: Service, joined: Joined) -> None:
    if service.replicas > 1 and (joined.asked or joined.mac_address):
        raise joined.node.error(f"networks: {service.replicas} containers cannot have one address")


def _mode(service: Service) -> Node:
    """`network_mode` in bundler's words. Raises RequestError for what a project does not do."""
    node = service.entries["network_mode"]
    text = str(node.value)
    if text.startswith("container:"):
        raise node.error(f"network_mode: {printable(text[:60])}: no network of another container is shared, so far")
    return node.with_value(_NETWORK_MODES.get(text, text))


def _given_name(project: str, service: Service) -> str:
    """That of the one container of a service."""
    named = service.entries.get("container_name")
    return f"{project}-{service.name}" if named is None else str(named.value)


def _names(project: str, service: Service, bundle: str) -> tuple[str, ...]:
    """What others find a container by on every network, as with compose: container names have a number there."""
    number = bundle.removeprefix(service.name) if service.replicas > 1 else "-1"
    named = service.entries.get("container_name")
    own = f"{project}-{service.name}{number}" if named is None else str(named.value)
    return (service.name, own, f"{project}-{bundle}")


def _links(service: Service) -> dict[str, str]:
    """Other names of services, which a service gives them for itself."""
    links = {}
    for item in service.entries["links"].listed() if "links" in service.entries else ():
        name, _, alias = str(item.value).partition(":")
        links[alias or name] = name
    return links


def _literal(text: str, node: Node) -> Node:
    return Node(text, node.origin, written=text, key_where=node.key_where)
