"""The networks of a compose file, and which services are on which (compose-spec, networks)."""

import ipaddress
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeVar

from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.overrides.compose.services import Project
from bundler.overrides.keys.scalars import whole_number
from bundler.overrides.node import Node
from bundler.project.external_networks import INTERFACE, ExternalNetwork, MachineBridge, PluginList
from bundler.project.names import bridge_name
from bundler.project.services import Service
from bundler.subnets import IPV4, IPV6

DEFAULT: Final = "default"
T = TypeVar("T")
_SHOWN: Final = 60
_LEAST_MTU: Final = 68
_MOST_MTU: Final = 65535
# Networks that Docker has by itself, by what `network_mode` calls them.
_OF_DOCKER: Final = ("host", "none", "bridge")
_DRIVERS: Final = (None, "", "default", "bridge")
_KEYS: Final = (
    *("driver", "driver_opts", "external", "name", "internal", "attachable", "enable_ipv4", "enable_ipv6", "ipam"),
    "labels",
)
_IPAM: Final = ("driver", "config", "options")
_RANGE: Final = ("subnet", "ip_range", "gateway", "aux_addresses")
_JOINED: Final = ("aliases", "ipv4_address", "ipv6_address", "mac_address", "priority", "gw_priority", "driver_opts")
# What is said of a bridge in the options of Docker's driver, by what it is here.
_NAME_OPTION: Final = "com.docker.network.bridge.name"
_MTU_OPTION: Final = "com.docker.network.driver.mtu"
_PORTS_OPTION: Final = "com.docker.network.bridge.host_binding_ipv4"
_FLAG_OPTIONS: Final = {
    "com.docker.network.bridge.enable_icc": "icc",
    "com.docker.network.bridge.enable_ip_masquerade": "masquerade",
}
_FLAGS: Final = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Range:
    """Subnet, gateway and range of one family of addresses, as a definition states them; None for those it lacks."""

    subnet: IPv4Network | IPv6Network | None = None
    given: IPv4Network | IPv6Network | None = None
    gateway: IPv4Address | IPv6Address | None = None
    reserved: frozenset[IPv4Address | IPv6Address] = frozenset()


@dataclass(frozen=True, slots=True)
class NetworkDefinition:
    """A network of the compose file. `options` are those of the overrides key `bridges`; `node` is its place in the
    file.

    Ports that are published without an address get `published_at`, an address of the machine. With a `seed`, containers
    of other projects may be on the network, and a hash of the seed says from where on addresses are given out.
    """

    name: str
    bridge: str
    node: Node
    internal: bool = False
    ranges: Mapping[int, Range] = field(default_factory=dict)
    has_ipv6: bool = False
    options: Mapping[str, bool | int] = field(default_factory=dict)
    published_at: IPv4Address | None = None
    seed: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """A service on a network. `asked` are the addresses that it asks for, by family."""

    network: str
    node: Node
    aliases: tuple[str, ...] = ()
    asked: Mapping[int, IPv4Address | IPv6Address] = field(default_factory=dict)
    mac_address: str | None = None
    gateway_priority: int = 0
    priority: int = 0


def joined_by(service: Service) -> tuple[Joined, ...]:
    """The networks of a service; `default` if it names none. Raises RequestError."""
    entries = service.entries
    if "network_mode" in entries:
        return ()
    node = entries.get("networks")
    listed = _members(node) if node is not None else {}
    if not listed:
        return (Joined(DEFAULT, service.node),)
    return tuple(_joined(name, each) for name, each in listed.items())


def in_order(joined: Sequence[Joined], definitions: Mapping[str, NetworkDefinition]) -> tuple[Joined, ...]:
    """The networks of a service in the order of its interfaces, of which the first that leads out is the way out."""

    def rank(one: Joined) -> tuple[int, bool, int, str]:
        return -one.gateway_priority, not definitions[one.network].has_ipv6, -one.priority, one.network

    return tuple(sorted(joined, key=rank))


def define(
    name: str,
    named_by: Node,
    project: Project,
    project_name: str,
    external: Mapping[str, ExternalNetwork],
) -> NetworkDefinition | PluginList | str:
    """The network `name`, or one of Docker's own by what `network_mode` calls it. Raises RequestError.

    `external` are networks of the machine by the names that a daemon would know them by.
    """
    if name == DEFAULT and not any(file.layers("networks", name) for file in project.files):
        return NetworkDefinition(name, bridge_name(project_name, name), named_by)
    node, _ = project.definition("networks", name, named_by)
    entries = {key: each for key, each in node.entries().items() if each.value is not None}
    _check_keys(entries, _KEYS, f"networks.{printable(name[:_SHOWN])}")
    if "external" in entries and entries["external"].value not in (False, "false"):
        return _of_the_machine(name, node, entries, project_name, external)
    driver = entries.get("driver")
    if driver is not None and driver.value in ("host", "none"):
        return str(driver.value)
    if driver is not None and driver.value not in _DRIVERS:
        hint = "leave out the driver: a network is a bridge then"
        raise driver.error(
            f"networks: the driver {printable(str(driver.value)[:_SHOWN])!r} is not known here", hint=hint
        )
    for key, wanted in (("enable_ipv4", True),):
        if key in entries and _flag(entries[key], key) is not wanted:
            raise entries[key].error("networks: a network without IPv4 is not known here")
    driver_options = _map(entries["driver_opts"], "driver_opts") if "driver_opts" in entries else {}
    options, bridge = _options(driver_options, project)
    address = driver_options.get(_PORTS_OPTION)
    ranges = _ranges(entries.get("ipam"))
    return NetworkDefinition(
        name,
        bridge or bridge_name(project_name, name),
        node,
        internal="internal" in entries and _flag(entries["internal"], "internal"),
        ranges=ranges,
        has_ipv6="enable_ipv6" in entries and _flag(entries["enable_ipv6"], "enable_ipv6"),
        options=options,
        published_at=None if address is None else value(address, IPv4Address, "an IPv4 address"),
    )


def _of_the_machine(
    key: str,
    node: Node,
    entries: Mapping[str, Node],
    project_name: str,
    known: Mapping[str, ExternalNetwork],
) -> NetworkDefinition | PluginList | str:
    """A network that is external, by what the command line says of it. Raises RequestError."""
    external = entries["external"]
    named = entries.get("name") or (external.value.get("name") if isinstance(external.value, dict) else None)
    name = key if named is None else str(named.value)
    found = known.get(name)
    if isinstance(found, MachineBridge):
        ranges = {IPV4: Range(found.subnet)}
        return NetworkDefinition(key, found.name, node, ranges=ranges, seed=f"{project_name}/{key}")
    if found is not None:
        return found
    if name in _OF_DOCKER:
        return name
    shown = printable(name[:_SHOWN])
    hint = (
        f"--network {shown}=BRIDGE:SUBNET says which bridge it is, or --network {shown}=FILE.conflist its CNI plugins"
    )
    raise external.error(f"networks: {shown!r} is external: only a daemon knows it", hint=hint)


def _options(named: Mapping[str, Node], project: Project) -> tuple[dict[str, bool | int], str | None]:
    """What the driver's options mean here, and the bridge's name."""
    options: dict[str, bool | int] = {}
    bridge = None
    for name, each in named.items():
        if name == _NAME_OPTION:
            bridge = str(each.value)
            if not INTERFACE.fullmatch(bridge):
                raise each.error(f"networks: {printable(bridge[:_SHOWN])!r} cannot be an interface's name")
        elif name == _MTU_OPTION:
            options["mtu"] = whole_number(each, "mtu", _LEAST_MTU, _MOST_MTU)
        elif name in _FLAG_OPTIONS:
            options[_FLAG_OPTIONS[name]] = _flag(each, name)
        elif name != _PORTS_OPTION:
            project.reader.remark(
                f"note: {each.origin.where}: {printable(name[:_SHOWN])} has no meaning for a bridge here"
            )
    return options, bridge


def _ranges(node: Node | None) -> dict[int, Range]:
    """The subnets by family: one of each."""
    if node is None:
        return {}
    entries = _map(node, "ipam")
    _check_keys(entries, _IPAM, "ipam")
    driver = entries.get("driver")
    if driver is not None and driver.value not in (None, "", "default"):
        raise driver.error(f"networks: ipam: the driver {printable(str(driver.value)[:_SHOWN])!r} is not known here")
    ranges: dict[int, Range] = {}
    config = entries.get("config")
    for item in config.listed() if config is not None and config.value is not None else ():
        settings = {key: each for key, each in _map(item, "ipam.config").items() if each.value is not None}
        _check_keys(settings, _RANGE, "ipam.config")
        if "subnet" not in settings:
            if settings:
                raise item.error("networks: ipam.config: subnet is missing")
            continue
        subnet = value(settings["subnet"], ipaddress.ip_network, "a subnet")
        if subnet.version in ranges:
            raise settings["subnet"].error(f"networks: a second subnet of IPv{subnet.version}, and there can be one")
        ranges[subnet.version] = _range(subnet, settings)
    return ranges


def _range(subnet: IPv4Network | IPv6Network, settings: Mapping[str, Node]) -> Range:
    auxiliary = _map(settings["aux_addresses"], "aux_addresses") if "aux_addresses" in settings else {}
    given = value(settings["ip_range"], ipaddress.ip_network, "a subnet") if "ip_range" in settings else None
    gateway = value(settings["gateway"], ipaddress.ip_address, "an address") if "gateway" in settings else None
    if given is not None and not (given.version == subnet.version and given.subnet_of(subnet)):  # type: ignore[arg-type]
        raise settings["ip_range"].error(f"networks: {given} is not in {subnet}")
    if gateway is not None and gateway not in subnet:
        raise settings["gateway"].error(f"networks: {gateway} is not in {subnet}")
    reserved = frozenset(value(each, ipaddress.ip_address, "an address") for each in auxiliary.values())
    return Range(subnet, given, gateway, reserved)


def _joined(name: str, node: Node) -> Joined:
    settings = {} if node.value is None else _map(node, f"networks.{printable(name[:_SHOWN])}")
    settings = {key: each for key, each in settings.items() if each.value is not None}
    _check_keys(settings, _JOINED, "networks")
    asked: dict[int, IPv4Address | IPv6Address] = {}
    if "ipv4_address" in settings:
        asked[IPV4] = value(settings["ipv4_address"], IPv4Address, "an IPv4 address")
    if "ipv6_address" in settings:
        asked[IPV6] = value(settings["ipv6_address"], IPv6Address, "an IPv6 address")
    mac = settings.get("mac_address")
    aliases = settings["aliases"].listed() if "aliases" in settings else ()
    return Joined(
        name,
        node,
        tuple(str(alias.value) for alias in aliases),
        asked,
        None if mac is None else str(mac.value),
        *(_priority(settings.get(key), key) for key in ("gw_priority", "priority")),
    )


def _priority(node: Node | None, key: str) -> int:
    return 0 if node is None else whole_number(node, key, -(1 << 31), (1 << 31) - 1)


def _members(node: Node) -> dict[str, Node]:
    """The networks of a service, each with where it is named."""
    if isinstance(node.value, dict):
        return {name: each.with_value(each.value) for name, each in node.value.items()}
    return {str(item.value): item.with_value(None) for item in node.listed()}


def value(node: Node, parse: Callable[[str], T], what: str) -> T:
    """The value of a text in the compose file, parsed. Raises RequestError."""
    try:
        return parse(str(node.value))
    except ValueError:
        raise node.error(f"networks: {printable(str(node.value)[:_SHOWN])!r} is not {what}") from None


def _flag(node: Node, key: str) -> bool:
    if isinstance(node.value, dict | tuple) or node.value not in _FLAGS:
        raise node.error(f"networks: {key}: expected true or false")
    return _FLAGS[node.value]


def _map(node: Node, key: str) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        raise node.error(f"{key}: a map is expected here")
    return node.value


def _check_keys(entries: Mapping[str, Node], known: Collection[str], key: str) -> None:
    for name, each in entries.items():
        if name not in known and not name.startswith("x-"):
            raise each.key_error(f"{key}: {printable(name[:_SHOWN])!r} is not known here", f"known: {', '.join(known)}")
