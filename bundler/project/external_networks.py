"""External networks of a compose file: networks of the machine, which the command line names."""

import re
from ipaddress import IPv4Network
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass

# Of an interface's name, what is neither a pattern to a packet filter nor two names to a list.
INTERFACE: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}")
_LIST: Final = (".conflist", ".json")
_EXAMPLE: Final = "--network proxy=br-proxy:10.96.0.0/24, or --network proxy=proxy.conflist"
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class MachineBridge:
    """A bridge of the machine, made if it is missing; containers of other projects may be on it, too."""

    name: str
    subnet: IPv4Network


@dataclass(frozen=True, slots=True)
class PluginList:
    """A network that is made by CNI plugins, by the file with their list."""

    path: str


ExternalNetwork = MachineBridge | PluginList


def parse_external(text: str) -> ExternalNetwork:
    """The network that `BRIDGE:SUBNET`, or `FILE.conflist`, stands for. Raises RequestError."""
    if text.endswith(_LIST):
        return PluginList(text if "/" in text else f"./{text}")  # by which the key `cni` knows a file
    bridge, _, subnet = text.partition(":")
    if not INTERFACE.fullmatch(bridge) or not subnet:
        raise RequestError(
            f"--network: {printable(text[:_SHOWN])!r} is not BRIDGE:SUBNET", hint=f"for example {_EXAMPLE}"
        )
    try:
        return MachineBridge(bridge, IPv4Network(subnet))
    except ValueError:
        what = f"--network: {printable(subnet[:_SHOWN])!r} is not an IPv4 subnet"
        raise RequestError(what, hint=f"for example {_EXAMPLE}") from None
