"""How a network of the container's own is connected when it starts: by hooks that the bundle carries, or others'.

Everything that varies is data: configurations of CNI plugins as JSON files, and words behind a fixed script. For
`network_mode: netns` it is the words of the hook netns of github.com/genuinetools/netns, which makes a bridge and gives
out addresses; it reads the container's state, and writes the address into a file of the bundle, where it is started.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import field
from typing import Final

from bundler.conversion.bundled_hooks import FOLDER, CarriedFile, start
from bundler.conversion.hook_scripts import hook_script
from bundler.conversion.mounts.etc_files import generated_files
from bundler.conversion.networking import named_bridges
from bundler.conversion.networking.bridges import bridges
from bundler.conversion.networking.network import mappings, published_ports
from bundler.conversion.networking.packet_filter import Interface
from bundler.conversion.networking.plugins import DEFAULT_ROUTES, BridgePlugin, Plugin, bridge_plugins, with_settings
from bundler.conversion.networking.wiring import Wiring
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
        {_RELEASE: CarriedFile(hook_script("netns-release"))},
    )


BRIDGE: Final = "bundler0"
_NETWORK: Final = "bundler"  # what the plugins know it by
SCRIPT: Final = f"{FOLDER}/network"
_SCRIPTS: Final = ("network", "network-ports", "network-files")  # it starts the others
_SECONDS: Final = 60  # plugins take some tens of milliseconds each; as do other containers that hold the lock
_Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
_ASKED: Final[dict[int, tuple[str, _Subnet]]] = {IPV4: ("ipv4_address", SUBNET), IPV6: ("ipv6_address", SUBNET6)}


def connection(inputs: Inputs) -> Connection | None:
    """The connection that `network_mode` asks for; None where it asks for none."""
    node = inputs.overrides.get("network_mode")
    if node is UNSET:
        return None
    if node.value == "netns":
        return netns_hooks(inputs, node.origin)
    if node.value == "cni":
        plugins = _network_list(inputs, node)
        return _connected(inputs, node.origin, Wiring({IPV4: [plugins]}, (), published_ports(inputs)))
    if node.value != "bridge":
        return None
    named = bridges(inputs)
    if named and inputs.rootless:
        raise named[0].node.error(
            f"bridges: {named[0].name}: only root connects a container to a bridge",
            hint="leave out bridges: an ordinary user's container has a network by pasta or slirp4netns then",
        )
    made = named_bridges.wiring(inputs, named, _hardware_address(inputs)) if named else _to_own(inputs)
    return _connected(inputs, node.origin, made)


def _to_own(inputs: Inputs) -> Wiring:
    """To bundler's own; where IPv6 is wanted, only the machine that runs the container knows whether it has it."""
    subnets: Sequence[_Subnet] = (SUBNET, SUBNET6) if _wants_ipv6(inputs) else (SUBNET,)
    bridge = Interface(BRIDGE, {subnet.version: (subnet, subnet[1]) for subnet in subnets})
    plugins: dict[int, list[list[Plugin]]] = {
        subnet.version: [_bridge(inputs, subnets[:number])] for number, subnet in enumerate(subnets, 1)
    }
    return Wiring(plugins, (bridge,), published_ports(inputs))


def _connected(inputs: Inputs, origin: Origin, wiring: Wiring) -> Connection:
    # Without servers of its own a container asks those of the machine that it runs on, as with Docker.
    resolver = "machine" if generated_files(inputs).get("resolv.conf") == b"" else "bundle"
    ports = [port.word() for port in wiring.ports]
    return Connection(
        Sourced(start(SCRIPT, ["up", *wiring.words, resolver, *ports]) | {"timeout": _SECONDS}, origin),
        Sourced(start(SCRIPT, ["down"]) | {"timeout": _SECONDS}, origin),
        {f"{FOLDER}/{name}": CarriedFile(hook_script(name)) for name in _SCRIPTS} | wiring.files,
    )


def _wants_ipv6(inputs: Inputs) -> bool:
    """Whether `enable_ipv6`, an address, or a published port asks for it: a port leads to an address of its own family
    alone.
    """
    asked = inputs.overrides.is_true("enable_ipv6") or any("ipv6_address" in joined for joined in _joined(inputs))
    return asked or any(port.family == IPV6 for port in published_ports(inputs))


def _bridge(inputs: Inputs, subnets: Sequence[_Subnet]) -> list[Plugin]:
    """The plugins of bundler's own bridge."""
    families = [subnet.version for subnet in subnets]
    ranges = [_range(inputs, subnet) for subnet in subnets]
    routes = [DEFAULT_ROUTES[family] for family in families]
    return bridge_plugins(BridgePlugin(_NETWORK, BRIDGE, ranges, routes, {}), _settings(inputs, families))


def _range(inputs: Inputs, subnet: _Subnet) -> Plugin:
    """Where the plugin looks for a free address, and where the one lies that is asked for."""
    asked = subnet.version == IPV6 or _addresses(inputs, (IPV4,))
    return {"subnet": str(subnet)} | ({} if asked else {"rangeEnd": str(GIVEN[-1])})


def _network_list(inputs: Inputs, node: Node) -> list[Plugin]:
    """The plugins of the network configuration list in `cni` (CNI specification, section 1)."""
    given = inputs.overrides.get("cni")
    if given is UNSET:
        raise node.error("network_mode: cni needs the network", hint="cni: FILE.conflist, or network_mode: bridge")
    network = given.plain()
    common = {"cniVersion": network.get("cniVersion", "0.4.0"), "name": network["name"]}
    plugins = with_settings([common | plugin for plugin in network["plugins"]], _settings(inputs, None))
    maps_ports = any("portMappings" in plugin.get("runtimeConfig", {}) for plugin in plugins)
    if inputs.overrides.items("ports") and not maps_ports:
        raise given.error(
            "cni: none of the plugins publishes ports",
            hint='add {"type": "portmap", "capabilities": {"portMappings": true}}',
        )
    return plugins


def _settings(inputs: Inputs, families: Sequence[int] | None) -> Plugin:
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
