"""What hooks/network is given to connect a container: words behind it, and files beside it."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from bundler.conversion.bundled_hooks import FOLDER, CarriedFile
from bundler.conversion.networking.network import PublishedPort
from bundler.conversion.networking.packet_filter import Interface, rules
from bundler.conversion.networking.plugins import Plugin
from bundler.light_dataclasses import dataclass
from bundler.subnets import IPV4, IPV6

_RULES: Final = f"{FOLDER}/network-rules"
_NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class Wiring:
    """The plugins of each interface of the container by family, as IPV4 alone or as IPV6 beside it, and in their order;
    the bridges, none where others' plugins connect it, and the ports that are published.
    """

    plugins: Mapping[int, Sequence[Sequence[Plugin]]]
    bridges: Sequence[Interface]
    ports: Sequence[PublishedPort]

    @property
    def words(self) -> list[str]:
        """Names of bridges, subnets of IPv4 and those of IPv6, with commas between them."""
        columns = ([bridge.name for bridge in self.bridges], self._subnets(IPV4), self._subnets(IPV6))
        return [",".join(column) or _NONE for column in columns]

    @property
    def files(self) -> dict[str, CarriedFile]:
        """`hooks/network-01-bridge.json` is of eth0, `hooks/network6-eth1-01-bridge.json` of eth1 with IPv6."""
        found = {}
        for family, interfaces in self.plugins.items():
            for number, listed in enumerate(interfaces):
                stem = f"{FOLDER}/network{6 if family == IPV6 else ''}{f'-eth{number}' if number else ''}"
                for step, plugin in enumerate(listed, 1):
                    content = (json.dumps(plugin, indent=2) + "\n").encode()
                    found[f"{stem}-{step:02}-{plugin['type']}.json"] = CarriedFile(content, executable=False)
        if self.bridges:
            lines = "".join(f"{line}\n" for bridge in self.bridges for line in rules(bridge))
            found[_RULES] = CarriedFile(lines.encode(), executable=False)
        return found

    def _subnets(self, family: int) -> list[str]:
        return [str(bridge.subnets[family][0]) for bridge in self.bridges if family in bridge.subnets]
