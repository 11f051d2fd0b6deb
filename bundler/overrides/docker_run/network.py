"""Values about the network: who a container talks to, under which names and ports."""

import ipaddress
import re
from typing import Final

from bundler.origins import Json
from bundler.overrides.docker_run.values import decimal, split
from bundler.overrides.keys.networking import GATEWAY, HIGHEST_PORT, PROTOCOLS

_PORTS: Final = re.compile(r"(?P<first>[0-9]{1,5})(-(?P<last>[0-9]{1,5}))?")
_MAC: Final = re.compile(
    r"[0-9a-fA-F]{2}(?P<by>[:-])[0-9a-fA-F]{2}((?P=by)[0-9a-fA-F]{2}){4}|[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2}"
)
# Where the client looks for this anywhere in the value, it takes the whole of it for fields.
_LOOKS_LIKE_FIELDS: Final = re.compile(r"\w+=\w+", re.ASCII)
_DOMAIN: Final = re.compile(r"(:?(:?[a-zA-Z0-9]|(:?[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))(:?\.)?)+")
_FIELDS: Final = ("name", "alias", "driver-opt", "ip", "ip6", "mac-address", "link-local-ip", "gw-priority")


def is_of_ones_own(network: str) -> bool:
    """Whether a network is none of Docker's own: then it has names and addresses to give."""
    return network not in ("default", "bridge", "host", "none") and not network.startswith("container:")


def network(given: str) -> dict[str, Json]:
    """A network's name, or fields such as name=web,alias=db: {name} and what the container is called and has there, in
    compose's words.
    """
    if not _LOOKS_LIKE_FIELDS.search(given):
        if not given:
            raise ValueError("it is empty")
        return {"name": given}
    joined: dict[str, Json] = {}
    for field in split(given):
        key, separator, value = field.partition("=")
        if not separator:
            raise ValueError(f"the field {field!r} has to be KEY=VALUE")
        if key.strip().lower() not in _FIELDS:
            raise ValueError(f"{key!r} is not one of {', '.join(_FIELDS)}")
        _add_field(joined, key.strip().lower(), value.strip())
    if not joined.get("name"):
        raise ValueError("the network has no name")
    if "aliases" in joined and not is_of_ones_own(joined["name"]):
        raise ValueError("an alias needs a network of one's own")
    return joined


def _add_field(joined: dict[str, Json], key: str, value: str) -> None:
    match key:
        case "name":
            joined["name"] = value
        case "alias":
            joined["aliases"] = [*joined.get("aliases", ()), value]
        case "ip" | "ip6":
            joined["ipv4_address" if key == "ip" else "ipv6_address"] = value
        case "mac-address":
            joined["mac_address"] = mac_address(value)
        case "link-local-ip":
            joined["link_local_ips"] = [*joined.get("link_local_ips", ()), value]
        case "driver-opt":
            if "=" not in value:
                raise ValueError(f"the driver's option {value!r} has to be KEY=VALUE")
        case _:
            decimal(value)


def address(given: str) -> str:
    """An IP address, without the zone that Python allows behind it."""
    try:
        ipaddress.ip_address(given.strip().replace("%", " "))
    except ValueError:
        raise ValueError("it is not an IP address") from None
    return given.strip()


def address_or_none(given: str) -> str:
    return given and address(given)


def search_domain(given: str) -> str:
    """A domain, or `.` for none."""
    stripped = given.strip(" ")
    if stripped == ".":
        return stripped
    if len(stripped) > 255 or not _DOMAIN.fullmatch(stripped):  # noqa: PLR2004  (RFC 1035 section 2.3.4)
        raise ValueError("it is not a valid domain")
    return stripped


def extra_host(given: str) -> str:
    """HOST:ADDRESS or HOST=ADDRESS, where the address may be host-gateway; the result has a colon."""
    name, separator, where = given.partition("=")
    if not separator:
        name, separator, where = given.partition(":")
    if not separator or not name:
        raise ValueError("it is not HOST:ADDRESS")
    if where.startswith("[") and where.endswith("]"):
        where = where[1:-1]
    return f"{name}:{where if where == GATEWAY else address(where)}"


def mac_address(given: str) -> str:
    """The address of an Ethernet interface in its usual spelling."""
    if given and not _MAC.fullmatch(given):
        raise ValueError("it is not a MAC address")
    digits = re.sub(r"[:.-]", "", given).lower()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def link(given: str) -> str:
    parts = given.split(":")
    if not given or len(parts) > 2:  # noqa: PLR2004  (NAME:ALIAS)
        raise ValueError("it is not NAME:ALIAS")
    return given


def exposed(given: str) -> str:
    """PORT[-PORT][/PROTOCOL]."""
    if ":" in given:
        raise ValueError("it is not PORT[-PORT][/PROTOCOL]")
    _ports(given.partition("/")[0])
    return given


def published(given: str) -> str:
    """[[ADDRESS:]HOST-PORT:]PORT[/PROTOCOL], each port possibly a range; or fields such as target=80,published=8080,
    which become the former. An IPv6 address gets its brackets, TCP is not said.
    """
    ports, _, protocol = (_of_fields(given) if "=" in given else given).partition("/")
    if protocol and protocol.lower() not in PROTOCOLS:
        raise ValueError(f"the protocol {protocol!r} is not one of {', '.join(PROTOCOLS)}")
    *front, container = ports.rsplit(":", 2)
    inside = _ports(container)
    if front and front[-1]:
        outside = _ports(front[-1])
        # One container port may be offered on any of a range of the host's ports.
        if outside != inside and inside > 1:
            raise ValueError("the two ranges of ports are not of one length")
    host = front[0] if len(front) > 1 else ""
    if host:
        bare = address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
        host = f"[{bare}]:" if ":" in bare else f"{bare}:"
    ports_with_address = f"{host}{front[-1]}:{container}" if front and (host or front[-1]) else container
    return ports_with_address if protocol.lower() in ("", "tcp") else f"{ports_with_address}/{protocol.lower()}"


def _of_fields(given: str) -> str:
    fields = {"published": "", "target": "", "protocol": "tcp"}
    for field in given.split(","):
        key, separator, value = field.partition("=")
        if not separator or not key:
            raise ValueError(f"the field {field!r} has to be KEY=VALUE")
        fields[key] = value
    return f"{fields['published']}:{fields['target']}/{fields['protocol']}".replace("=", " ")


def _ports(text: str) -> int:
    """How many ports the range holds."""
    match = _PORTS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a port or a range of ports")
    first, last = int(match["first"]), int(match["last"] or match["first"])
    if first > last or last > HIGHEST_PORT:
        raise ValueError(f"{text!r} is not a port or a range of ports")
    return last - first + 1
