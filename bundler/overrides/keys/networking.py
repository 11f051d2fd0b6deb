"""Names and servers that end up in /etc/hosts and /etc/resolv.conf, and the ports that are published."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node

_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")
_WORD: Final = re.compile(r"[!-~]{1,255}")  # what a resolver reads as one word: printable ASCII without blanks
# docker's word for the machine as its containers see it: an address that only a daemon chooses.
GATEWAY: Final = "host-gateway"


def is_host_name(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def expand_extra_hosts(node: Node) -> Node:
    """`HOST:IP` or `HOST=IP` lines, or a map of hosts to addresses, as a map of hosts to lists of addresses.

    A host may be listed with several addresses, as on docker's command line. Raises RequestError.
    """
    hosts: dict[str, Node] = {}
    for name, address in _pairs(node):
        if not is_host_name(name):
            raise address.error(f"extra_hosts: {printable(name[:60])!r} is not a host name")
        if address.value is None:  # what lies below, without this host
            hosts[name] = address
            continue
        below = hosts[name].items() if name in hosts else ()
        hosts[name] = address.with_value((*below, *(_host_address(item) for item in address.listed())))
    return node.with_value(hosts)


def _pairs(node: Node) -> list[tuple[str, Node]]:
    if isinstance(node.value, dict):
        return list(node.value.items())
    pairs = []
    for item in node.items():
        text = item.text()
        separator = "=" if "=" in text else ":"
        name, divided, address = text.partition(separator)
        if not divided:
            raise item.error(f"extra_hosts: {printable(text[:60])!r} is not HOST:IP")
        pairs.append((name, item.with_value(address)))
    return pairs


def expand_dns(node: Node) -> Node:
    """One address of a name server, or a list of them."""
    return node.with_value(tuple(_address(item, "dns") for item in node.listed()))


def resolver_words(key: str, node: Node) -> Node:
    """One word of resolv.conf, or a list of them."""
    return node.with_value(tuple(_word(item, key) for item in node.listed()))


def _host_address(node: Node) -> Node:
    """An address, or docker's word for one, which only a bridge gives a meaning."""
    return node if node.value == GATEWAY else _address(node, "extra_hosts")


def check_gateway(entries: Mapping[str, Node]) -> None:
    """Raise RequestError where hosts, in normal form, are at the gateway of a bridge that is not made."""
    hosts, mode = entries.get("extra_hosts"), entries.get("network_mode")
    if hosts is None or not isinstance(hosts.value, dict) or (mode is not None and mode.value == "bridge"):
        return
    for listed in hosts.value.values():
        for item in listed.value if isinstance(listed.value, tuple) else ():
            if item.value == GATEWAY:
                hint = "write the machine's address, or network_mode: bridge, whose own address it is then"
                raise item.error(f"extra_hosts: {GATEWAY} is an address that a daemon chooses", hint=hint)


def _address(node: Node, key: str) -> Node:
    text = node.text()
    try:
        address = ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise node.error(f"{key}: {printable(text[:60])!r} is not an IP address") from None
    return node.with_value(str(address))


def _word(node: Node, key: str) -> Node:
    if not _WORD.fullmatch(node.text()):
        raise node.error(f"{key}: {printable(node.text()[:60])!r} is not one word")
    return node


HIGHEST_PORT: Final = 65535
PROTOCOLS: Final = ("tcp", "udp", "sctp")
_RANGE: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
# [ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]; an IPv6 address stands in brackets.
_SHORT: Final = re.compile(
    r"(?:(?:(?P<host_ip>\[[^\]]*\]|[^:\[\]]*):)?(?P<published>[0-9-]*):)?(?P<target>[0-9-]+)(?:/(?P<protocol>\w+))?"
)


def expand_ports(node: Node) -> Node:
    """Each port of a range by itself, as {target, published, protocol, host_ip}, of compose's short or long form.

    `published` is null where the machine's port is left to the one who publishes it.
    """
    return node.with_value(tuple(port for item in node.items() for port in _expanded(item)))


def _expanded(node: Node) -> list[Node]:
    given = node.plain() if isinstance(node.value, dict) else _short(node)
    protocol, address = given.get("protocol") or "tcp", str(given.get("host_ip") or "").strip("[]")
    if protocol not in PROTOCOLS:
        raise _wrong(node, f"the protocol {printable(str(protocol)[:20])!r} is not one of {', '.join(PROTOCOLS)}")
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
    if not 0 < first <= last <= HIGHEST_PORT:
        raise _wrong(node, f"{printable(str(given)[:20])!r} is not a port or a range of ports")
    return range(first, last + 1)


def _wrong(node: Node, what: str) -> Exception:
    port = node.value if isinstance(node.value, str | int) else "this port"
    return node.error(f"ports: {printable(str(port)[:60])}: {what}")
