"""Configurations of the CNI plugins that connect a container to a bridge (containernetworking/plugins)."""

from collections.abc import Mapping, Sequence
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.subnets import IPV4, IPV6

Plugin = dict[str, Json]
DEFAULT_ROUTES: Final = {IPV4: "0.0.0.0/0", IPV6: "::/0"}
# host-local's own place outlives a reboot, containers do not.
_ADDRESSES: Final = "/run/bundler/network/addresses"


@dataclass(frozen=True, slots=True)
class BridgePlugin:
    """What the plugin `bridge` is asked for.

    `network` is what host-local knows addresses by, `ranges` is where these are from, `options` are other members.
    """

    network: str
    bridge: str
    ranges: Sequence[Plugin]
    routes: Sequence[str]
    options: Mapping[str, Json]


def bridge_plugins(bridge: BridgePlugin, settings: Plugin) -> list[Plugin]:
    """The plugins of a bridge: bridge with host-local, and portmap where ports are published."""
    made: Plugin = {
        "cniVersion": "0.4.0",
        "name": bridge.network,
        "type": "bridge",
        "bridge": bridge.bridge,
        "isGateway": True,
        "hairpinMode": True,  # a container reaches itself by the port it publishes
        **bridge.options,
        "ipam": {
            "type": "host-local",
            "dataDir": _ADDRESSES,
            "ranges": [[each] for each in bridge.ranges],
            "routes": [{"dst": each} for each in bridge.routes],
        },
        "capabilities": {"mac": True, "ips": True},
    }
    ports: Plugin = {
        "cniVersion": "0.4.0",
        "name": bridge.network,
        "type": "portmap",
        "capabilities": {"portMappings": True},
    }
    return with_settings([made, *([ports] if settings["portMappings"] else [])], settings)


def with_settings(plugins: list[Plugin], settings: Plugin) -> list[Plugin]:
    """Each with the settings that it says it is capable of (CNI conventions, dynamic plugin specific fields)."""
    ready = []
    for plugin in plugins:
        capable = plugin.get("capabilities") or {}
        given = {key: value for key, value in settings.items() if value and capable.get(key) is True}
        ready.append(plugin | ({"runtimeConfig": plugin.get("runtimeConfig", {}) | given} if given else {}))
    return ready
