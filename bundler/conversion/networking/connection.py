"""How a network of the container's own is connected when it starts: by hooks that the bundle carries, or others'.

Everything that varies is data: configurations of CNI plugins as JSON files, and words behind a fixed script. For
`network_mode: netns` it is the words of the hook netns of github.com/genuinetools/netns, which makes a bridge and gives
out addresses; it reads the container's state, and writes the address into a file of the bundle, where it is started.
"""

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import field
from typing import Final

from bundler import data
from bundler.conversion.bundled_hooks import FOLDER, CarriedFile, start
from bundler.conversion.mounts.etc_files import generated_files
from bundler.conversion.networking.bridges import Bridge, bridges
from bundler.conversion.networking.network import mappings, published_ports
from bundler.conversion.networking.script import network_script
from bundler.conversion.rule import Inputs
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Json, Origin, Sourced
from bundler.overrides.node import Node
from bundler.subnets import GIVEN, IPV4, IPV6, SUBNET, SUBNET6

_RELEASE: Final = f"{FOLDER}/netns-release"
_PATH: Final = "/usr/local/bin/netns"
_OPTIONS: Final = {
    "bridge": "--bridge",
    "ip": "--ip",
    "mtu": "--mtu",
    "iface": "--iface",
    "static_ip": "--static-ip",
    "state_dir": "--state-dir",
    "ipfile": "--ipfile",
}
_BRIDGE: Final = "netns0"  # what netns itself takes without --bridge
_ADDRESS_FILE: Final = ".ip"


@dataclass(frozen=True, slots=True)
class Connection:
    """The hook that connects the network, the one that takes it away, and the files that they need."""

    up: Sourced[Json]
    down: Sourced[Json]
    files: dict[str, CarriedFile] = field(default_factory=dict)


def netns_hooks(inputs: Inputs, origin: Origin) -> Connection:
    """The program, when the container is created; the bridge goes with the last container on it.

    `netns rm` takes the bridge from under all others, so a script looks first whether there are any.
    """
    node = inputs.overrides.get("netns")
    given = {} if node is UNSET else node.plain()
    path = given.get("path", _PATH)
    options = [word for key, option in _OPTIONS.items() if key in given for word in (option, str(given[key]))]
    words = [path, given.get("bridge", _BRIDGE), given.get("ipfile", _ADDRESS_FILE)]
    return Connection(
        Sourced({"path": path, "args": ["netns", *options]}, origin),
        Sourced(start(_RELEASE, words), origin),
        {_RELEASE: CarriedFile(data.read("netns-release.sh"))},
    )


BRIDGE: Final = "bundler0"
_NETWORK: Final = "bundler"  # what the plugins know it by
_SCRIPT: Final = f"{FOLDER}/network"
# What it starts itself.
_HELPERS: Final = ("network-ports", "network-files")
# What the configurations of plugins are called, without and with IPv6.
_WITHOUT_IPV6: Final = "network"
_WITH_IPV6: Final = "network6"
_SECONDS: Final = 60  # plugins take some tens of milliseconds each; as do other containers that hold the lock
_ADDRESSES: Final = "/run/bundler/network/addresses"  # host-local's own place outlives a reboot, containers do not
_NONE: Final = "-"
_Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
_ASKED: Final[dict[int, tuple[str, _Subnet]]] = {IPV4: ("ipv4_address", SUBNET), IPV6: ("ipv6_address", SUBNET6)}


def connection(inputs: Inputs) -> Connection | None:
    """The connection that `network_mode` asks for; None where it asks for none."""
    node = inputs.overrides.get("network_mode")
    if node is UNSET:
        return None
    if node.value == "bridge":
        named = bridges(inputs)
        return _to_named(inputs, node.origin, named) if named else _to_bridge(inputs, node.origin)
    if node.value == "cni":
        return _through_plugins(
            inputs, node.origin, {_WITHOUT_IPV6: _network_list(inputs, node)}, (_NONE, _NONE, _NONE)
        )
    return netns_hooks(inputs, node.origin) if node.value == "netns" else None


def _to_bridge(inputs: Inputs, origin: Origin) -> Connection:
    """To bundler's own; where IPv6 is wanted, only the machine that runs the container knows whether it has it."""
    plugins = {_WITHOUT_IPV6: _bridge(inputs, (SUBNET,))}
    if not _wants_ipv6(inputs):
        return _through_plugins(inputs, origin, plugins, (BRIDGE, str(SUBNET), _NONE))
    plugins |= {_WITH_IPV6: _bridge(inputs, (SUBNET, SUBNET6))}
    return _through_plugins(inputs, origin, plugins, (BRIDGE, str(SUBNET), str(SUBNET6)))


def _to_named(inputs: Inputs, origin: Origin, named: Sequence[Bridge]) -> Connection:
    """To the bridge of the key `bridges`, where all addresses are known. Raises RequestError for what is not built."""
    bridge, *others = named
    if others:
        raise others[0].node.error("bridges: a container is connected to one bridge, so far")
    for key, is_so in (("internal", bridge.internal), ("ipv6", bridge.ipv6 is not None)):
        if is_so:
            raise bridge.node.entries()[key].error(f"bridges: {key}: a bridge has a way out, by IPv4 alone, so far")
    for key in ("masquerade", "icc", "mtu"):
        if key in bridge.node.entries():
            raise bridge.node.entries()[key].error(
                f"bridges: {key} is not known to the hook that makes bridges, so far"
            )
    given: dict[str, Json] = {"mac": bridge.mac_address or _hardware_address(inputs), "ips": [str(bridge.address)]}
    subnet: dict[str, Json] = {"subnet": str(bridge.subnet), "gateway": str(bridge.gateway)}
    ports = [port for port in published_ports(inputs) if port.family == IPV4]
    plugins = _plugins(bridge.name, bridge.name, [subnet], given | {"portMappings": mappings(ports, (IPV4,))})
    return _through_plugins(inputs, origin, {_WITHOUT_IPV6: plugins}, (bridge.name, str(bridge.subnet), _NONE))


def _through_plugins(
    inputs: Inputs, origin: Origin, plugins: dict[str, list[dict[str, Json]]], bridge: tuple[str, str, str]
) -> Connection:
    """`plugins` are the configurations by what their files are called."""
    files = {
        f"{FOLDER}/{family}-{number:02}-{plugin['type']}.json": CarriedFile(
            (json.dumps(plugin, indent=2) + "\n").encode(), executable=False
        )
        for family, listed in plugins.items()
        for number, plugin in enumerate(listed, 1)
    }
    # Without servers of its own a container asks those of the machine that it runs on, as with Docker.
    resolver = "machine" if generated_files(inputs).get("resolv.conf") == b"" else "bundle"
    ports = [port.word() for port in published_ports(inputs)]
    return Connection(
        Sourced(start(_SCRIPT, ["up", *bridge, resolver, *ports]) | {"timeout": _SECONDS}, origin),
        Sourced(start(_SCRIPT, ["down"]) | {"timeout": _SECONDS}, origin),
        {_SCRIPT: CarriedFile(network_script())}
        | {f"{FOLDER}/{name}": CarriedFile(data.read(f"{name}.sh")) for name in _HELPERS}
        | files,
    )


def _wants_ipv6(inputs: Inputs) -> bool:
    """Whether `enable_ipv6`, an address, or a published port asks for it: a port leads to an address of its own family
    alone.
    """
    asked = inputs.overrides.is_true("enable_ipv6") or any("ipv6_address" in joined for joined in _joined(inputs))
    return asked or any(port.family == IPV6 for port in published_ports(inputs))


def _bridge(inputs: Inputs, subnets: Sequence[_Subnet]) -> list[dict[str, Json]]:
    """The plugins of bundler's own bridge."""
    settings = _settings(inputs, [subnet.version for subnet in subnets])
    return _plugins(_NETWORK, BRIDGE, [_range(inputs, subnet) for subnet in subnets], settings)


def _plugins(
    network: str, bridge: str, ranges: Sequence[dict[str, Json]], settings: dict[str, Json]
) -> list[dict[str, Json]]:
    """The plugins of a bridge: bridge with host-local, which knows addresses by the `network`'s name, and portmap where
    ports are published.
    """
    made: dict[str, Json] = {
        "cniVersion": "0.4.0",
        "name": network,
        "type": "bridge",
        "bridge": bridge,
        "isGateway": True,
        "hairpinMode": True,  # a container reaches itself by the port it publishes
        "ipam": {
            "type": "host-local",
            "dataDir": _ADDRESSES,
            "ranges": [[each] for each in ranges],
            "routes": [{"dst": "::/0" if ":" in each["subnet"] else "0.0.0.0/0"} for each in ranges],
        },
        "capabilities": {"mac": True, "ips": True},
    }
    ports: dict[str, Json] = {
        "cniVersion": "0.4.0",
        "name": network,
        "type": "portmap",
        "capabilities": {"portMappings": True},
    }
    return _with_settings([made, *([ports] if settings["portMappings"] else [])], settings)


def _range(inputs: Inputs, subnet: _Subnet) -> dict[str, Json]:
    """Where the plugin looks for a free address, and where the one lies that is asked for."""
    asked = subnet.version == IPV6 or _addresses(inputs, (IPV4,))
    return {"subnet": str(subnet)} | ({} if asked else {"rangeEnd": str(GIVEN[-1])})


def _network_list(inputs: Inputs, node: Node) -> list[dict[str, Json]]:
    """The plugins of the network configuration list in `cni` (CNI specification, section 1)."""
    given = inputs.overrides.get("cni")
    if given is UNSET:
        raise node.error("network_mode: cni needs the network", hint="cni: FILE.conflist, or network_mode: bridge")
    network = given.plain()
    common = {"cniVersion": network.get("cniVersion", "0.4.0"), "name": network["name"]}
    plugins = _with_settings([common | plugin for plugin in network["plugins"]], _settings(inputs, None))
    maps_ports = any("portMappings" in plugin.get("runtimeConfig", {}) for plugin in plugins)
    if inputs.overrides.items("ports") and not maps_ports:
        raise given.error(
            "cni: none of the plugins publishes ports",
            hint='add {"type": "portmap", "capabilities": {"portMappings": true}}',
        )
    return plugins


def _with_settings(plugins: list[dict[str, Json]], settings: dict[str, Json]) -> list[dict[str, Json]]:
    """Each with the settings that it says it is capable of (CNI conventions, dynamic plugin specific fields)."""
    ready = []
    for plugin in plugins:
        capable = plugin.get("capabilities") or {}
        given = {key: value for key, value in settings.items() if value and capable.get(key) is True}
        ready.append(plugin | ({"runtimeConfig": plugin.get("runtimeConfig", {}) | given} if given else {}))
    return ready


def _settings(inputs: Inputs, families: Sequence[int] | None) -> dict[str, Json]:
    """Those of a container with addresses of `families`; None where only others' plugins know which it has."""
    ports = [port for port in published_ports(inputs) if families is None or port.family in families]
    return {
        "portMappings": mappings(ports, families or (IPV4,)),
        "mac": _hardware_address(inputs),
        "ips": _addresses(inputs, families or (IPV4, IPV6)),
    }


def _hardware_address(inputs: Inputs) -> str | None:
    node = inputs.overrides.get("mac_address")
    if node is not UNSET:
        return node.text()
    return next((joined["mac_address"] for joined in _joined(inputs) if joined.get("mac_address")), None)


def _joined(inputs: Inputs) -> list[dict[str, Json]]:
    """The settings of `networks`, where it is a map."""
    node = inputs.overrides.get("networks")
    named = {} if node is UNSET or not isinstance(node.value, dict) else node.plain()
    return [settings for settings in named.values() if isinstance(settings, dict)]


def _addresses(inputs: Inputs, families: Sequence[int]) -> list[str]:
    """The addresses that are asked for, which those of bundler's bridge have to be of."""
    node, mode = inputs.overrides.get("networks"), inputs.overrides.get("network_mode")
    found = []
    for joined in _joined(inputs):
        for family in families:
            key, subnet = _ASKED[family]
            address = joined.get(key)
            if address is None or node is UNSET:
                continue
            if mode is not UNSET and mode.value == "bridge" and not _is_in(address, subnet):
                raise node.error(f"networks: {key}: {address!r} is not an address of {subnet}")
            found.append(address)
    return found


def _is_in(address: Json, subnet: _Subnet) -> bool:
    try:
        return ipaddress.ip_address(address) in subnet
    except ValueError:
        return False
