"""How a network of the container's own is connected when it starts: by hooks that the bundle carries, or others'.

Everything that varies is data: configurations of CNI plugins as JSON files, and words behind a fixed script.
"""

import ipaddress
import json
from typing import Final

from bundler import data
from bundler.conversion.carried import FOLDER, CarriedFile, start
from bundler.conversion.etc_files import generated_files
from bundler.conversion.givens import Givens
from bundler.conversion.netns import Connection, netns_hooks
from bundler.conversion.network import SUBNET
from bundler.origins import UNSET, Json, Origin, Sourced
from bundler.overrides.node import Node

BRIDGE: Final = "bundler0"
_SCRIPT: Final = f"{FOLDER}/network"
_SECONDS: Final = 60  # plugins take some tens of milliseconds each; whoever else holds the lock, too
_ADDRESSES: Final = "/run/bundler/network/addresses"  # host-local's own place outlives a reboot, containers do not
_NONE: Final = "-"


def connection(givens: Givens) -> Connection | None:
    """That of `network_mode`; None where nobody is asked to connect anything."""
    node = givens.overrides.get("network_mode")
    if node is UNSET:
        return None
    if node.value == "bridge":
        return _through_plugins(givens, node.origin, _bridge(givens), (BRIDGE, str(SUBNET)))
    if node.value == "cni":
        return _through_plugins(givens, node.origin, _network_list(givens, node), (_NONE, _NONE))
    return netns_hooks(givens, node.origin) if node.value == "netns" else None


def _through_plugins(
    givens: Givens, origin: Origin, plugins: list[dict[str, Json]], bridge: tuple[str, str]
) -> Connection:
    files = {
        f"{FOLDER}/network-{number:02}-{plugin['type']}.json": CarriedFile(
            (json.dumps(plugin, indent=2) + "\n").encode(), executable=False
        )
        for number, plugin in enumerate(plugins, 1)
    }
    # Without servers of its own a container asks those of the machine that it runs on, as with Docker.
    generated = generated_files(givens)
    resolver = "machine" if generated.get("resolv.conf") == b"" else "bundle"
    if "hosts" in generated:  # which the script changes, and gives back as it was
        files[f"{FOLDER}/network-hosts"] = CarriedFile(generated["hosts"], executable=False)
    ports = ["/".join(map(str, _published(port))) for port in givens.overrides.items("ports")]
    return Connection(
        Sourced(start(_SCRIPT, ["up", *bridge, resolver, *ports]) | {"timeout": _SECONDS}, origin),
        Sourced(start(_SCRIPT, ["down"]) | {"timeout": _SECONDS}, origin),
        {_SCRIPT: CarriedFile(data.read("network.sh")), **files},
    )


def _published(node: Node) -> tuple[str, str, int, int]:
    port = node.plain()
    if port["published"] is None:
        raise node.error(
            f"ports: {port['target']}: the port of the machine is missing", hint="nobody draws one: write 8080:80"
        )
    if ":" in port["host_ip"]:
        raise node.error(f"ports: {port['host_ip']}: the container has no IPv6 address")
    return port["protocol"], port["host_ip"] or "0.0.0.0", port["published"], port["target"]  # noqa: S104


def _bridge(givens: Givens) -> list[dict[str, Json]]:
    """The plugins of bundler's own bridge: bridge with host-local, and portmap where ports are published."""
    bridge: dict[str, Json] = {
        "cniVersion": "0.4.0",
        "name": "bundler",
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,  # a container reaches itself by the port it publishes
        "ipam": {
            "type": "host-local",
            "dataDir": _ADDRESSES,
            "ranges": [[{"subnet": str(SUBNET)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
        "capabilities": {"mac": True, "ips": True},
    }
    ports: dict[str, Json] = {
        "cniVersion": "0.4.0",
        "name": "bundler",
        "type": "portmap",
        "capabilities": {"portMappings": True},
    }
    listed = [bridge, *([ports] if givens.overrides.items("ports") else [])]
    return _with_settings(givens, listed)


def _network_list(givens: Givens, node: Node) -> list[dict[str, Json]]:
    """The plugins of the network configuration list in `cni` (CNI specification, section 1)."""
    given = givens.overrides.get("cni")
    if given is UNSET:
        raise node.error("network_mode: cni needs the network", hint="cni: FILE.conflist, or network_mode: bridge")
    network = given.plain()
    common = {"cniVersion": network.get("cniVersion", "0.4.0"), "name": network["name"]}
    plugins = _with_settings(givens, [common | plugin for plugin in network["plugins"]])
    maps_ports = any("portMappings" in plugin.get("runtimeConfig", {}) for plugin in plugins)
    if givens.overrides.items("ports") and not maps_ports:
        raise given.error(
            "cni: none of the plugins publishes ports",
            hint='add {"type": "portmap", "capabilities": {"portMappings": true}}',
        )
    return plugins


def _with_settings(givens: Givens, plugins: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Each with the settings that it says it is capable of (CNI conventions, dynamic plugin specific fields)."""
    settings = {key: value for key, value in _settings(givens).items() if value}
    ready = []
    for plugin in plugins:
        capable = plugin.get("capabilities") or {}
        given = {key: value for key, value in settings.items() if capable.get(key) is True}
        ready.append(plugin | ({"runtimeConfig": plugin.get("runtimeConfig", {}) | given} if given else {}))
    return ready


def _settings(givens: Givens) -> dict[str, Json]:
    mappings = []
    for node in givens.overrides.items("ports"):
        protocol, address, outside, inside = _published(node)
        mapping = {"hostPort": outside, "containerPort": inside, "protocol": protocol}
        mappings.append(mapping | ({} if address == "0.0.0.0" else {"hostIP": address}))  # noqa: S104
    return {"portMappings": mappings, "mac": _hardware_address(givens), "ips": _addresses(givens)}


def _hardware_address(givens: Givens) -> str | None:
    node = givens.overrides.get("mac_address")
    if node is not UNSET:
        return node.text()
    return next((joined["mac_address"] for joined in _joined(givens) if joined.get("mac_address")), None)


def _joined(givens: Givens) -> list[dict[str, Json]]:
    """The settings of `networks`, where it is a map."""
    node = givens.overrides.get("networks")
    named = {} if node is UNSET or not isinstance(node.value, dict) else node.plain()
    return [settings for settings in named.values() if isinstance(settings, dict)]


def _addresses(givens: Givens) -> list[str]:
    node, found = givens.overrides.get("networks"), []
    for joined in _joined(givens):
        address = joined.get("ipv4_address")
        if address is None or node is UNSET:
            continue
        try:
            fits = ipaddress.ip_address(address) in SUBNET
        except ValueError:
            fits = False
        if not fits and givens.overrides.entries["network_mode"].value == "bridge":
            raise node.error(f"networks: ipv4_address: {address!r} is not an address of {SUBNET}")
        found.append(address)
    return found
