"""`network_mode: netns`: the hook netns of github.com/genuinetools/netns, which makes a bridge and gives out addresses.

It reads the container's state and writes the address into a file of the directory it is started in: the bundle.
"""

from dataclasses import dataclass, field
from typing import Final

from bundler import data
from bundler.conversion.bundled_hooks import FOLDER, CarriedFile, start
from bundler.conversion.inputs import Givens
from bundler.origins import UNSET, Json, Origin, Sourced

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


def netns_hooks(givens: Givens, origin: Origin) -> Connection:
    """The program, when the container is created; the bridge goes with the last container on it.

    `netns rm` takes the bridge from under all others, so a script looks first whether there are any.
    """
    node = givens.overrides.get("netns")
    given = {} if node is UNSET else node.plain()
    path = given.get("path", _PATH)
    options = [word for key, option in _OPTIONS.items() if key in given for word in (option, str(given[key]))]
    words = [path, given.get("bridge", _BRIDGE), given.get("ipfile", _ADDRESS_FILE)]
    return Connection(
        Sourced({"path": path, "args": ["netns", *options]}, origin),
        Sourced(start(_RELEASE, words), origin),
        {_RELEASE: CarriedFile(data.read("netns-release.sh"))},
    )
