"""`ports`: compose's grammar of published ports, short and long, as {target, published, protocol, host_ip}."""

import ipaddress
import re
from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node

_HIGHEST: Final = 65535
_PROTOCOLS: Final = ("tcp", "udp", "sctp")
_RANGE: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
# [ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]; an IPv6 address stands in brackets.
_SHORT: Final = re.compile(
    r"(?:(?:(?P<host_ip>\[[^\]]*\]|[^:\[\]]*):)?(?P<published>[0-9-]*):)?(?P<target>[0-9-]+)(?:/(?P<protocol>\w+))?"
)


def expand_ports(node: Node) -> Node:
    """Each port of a range by itself. `published` is null where the machine's port is left to whoever publishes it."""
    return node.with_value(tuple(port for item in node.items() for port in _expanded(item)))


def _expanded(node: Node) -> list[Node]:
    given = node.plain() if isinstance(node.value, dict) else _short(node)
    protocol, address = given.get("protocol") or "tcp", str(given.get("host_ip") or "").strip("[]")
    if protocol not in _PROTOCOLS:
        raise _wrong(node, f"the protocol {printable(str(protocol)[:20])!r} is not one of {', '.join(_PROTOCOLS)}")
    try:
        address = str(ipaddress.ip_address(address)) if address else ""
    except ValueError:
        raise _wrong(node, f"{printable(address[:60])!r} is not an IP address") from None
    inside, outside = _range(node, given["target"]), _outside(node, given.get("published"))
    if len(inside) == 1 and len(outside) > 1:
        outside = range(0)
    if outside and len(outside) != len(inside):
        raise _wrong(node, "the two ranges are not of one length")
    return [
        node.with_value(
            {
                "target": node.with_value(port),
                "published": node.with_value(outside[index] if outside else None),
                "protocol": node.with_value(protocol),
                "host_ip": node.with_value(address),
            }
        )
        for index, port in enumerate(inside)
    ]


def _outside(node: Node, given: object) -> range:
    """The machine's ports; none for 0, and none for a range in front of one port, of which Docker takes a free one."""
    return range(0) if given in (None, 0, "0") else _range(node, given)


def _short(node: Node) -> dict[str, str | None]:
    match = _SHORT.fullmatch(str(node.value))
    if match is None:
        raise _wrong(node, "a port is [ADDRESS:][MACHINE'S PORT:]PORT[/PROTOCOL]")
    return match.groupdict()


def _range(node: Node, given: object) -> range:
    """The ports of FIRST-LAST; none for an empty text."""
    if not str(given):
        return range(0)
    match = _RANGE.fullmatch(str(given))
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 0 < first <= last <= _HIGHEST:
        raise _wrong(node, f"{printable(str(given)[:20])!r} is not a port or a range of ports")
    return range(first, last + 1)


def _wrong(node: Node, what: str) -> Exception:
    shown = node.value if isinstance(node.value, str | int) else "this port"
    return node.error(f"ports: {printable(str(shown)[:60])}: {what}")
