"""Ports that two containers of a project would publish at one address of the machine: the second could not start."""

import ipaddress
from collections.abc import Sequence

from bundler.overrides.coercions import coerce
from bundler.overrides.node import Node
from bundler.project.services import Service

_Claim = tuple[str, int]


def check_ports(services: Sequence[Service]) -> None:
    """Raise RequestError, with its place, for a port that is published twice."""
    claims: dict[_Claim, list[tuple[str, str]]] = {}
    for service in services:
        for node in coerce("ports", service.entries["ports"]).items() if "ports" in service.entries else ():
            port = node.plain()
            if port["published"] is None:
                continue
            _claim(service, node, claims.setdefault((port["protocol"], port["published"]), []))


def _claim(service: Service, node: Node, earlier: list[tuple[str, str]]) -> None:
    port = node.plain()
    shown = f"{port['published']}/{port['protocol']}"
    if service.replicas > 1:
        hint = "publish none: other services find all of them by the service's name"
        raise node.error(f"ports: each of {service.replicas} containers would publish {shown}", hint=hint)
    for other, address in earlier:
        if other != service.name and _meet(address, port["host_ip"]):
            raise node.error(f"ports: {shown} is published by {other}, too", hint="give one of them another port")
    earlier.append((service.name, port["host_ip"]))


def _meet(one: str, other: str) -> bool:
    """Whether two addresses of the machine, all of them where there is none, are the same somewhere."""
    if not one or not other:
        return True
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return first.version == second.version and (first == second or first.is_unspecified or second.is_unspecified)
