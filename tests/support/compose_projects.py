"""Compose projects that are started twice: by a real dockerd, and as bundles. Each is a folder of testdata/compose."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "testdata" / "compose"
SEEN = "docker.json"  # what a dockerd gave, as scripts/capture-compose has recorded it
MACHINE = {"192.0.2.1": "the machine", "fd00:9::1": "the machine by IPv6"}


@dataclass(frozen=True)
class Up:
    """How a project is started: its files, options of the command line, and what is asked inside of its containers.

    `networks` are those of the machine with their subnets; each is a bridge of its name. As bundles, one in the
    `foreground` is started by `bundler run`, which waits as `depends_on` says, and others by the runtime alone.

    `names` come beside those of services and containers, `ports` are those of the machine, `files` are paths.
    """

    compose_files: Sequence[str] = ("compose.yaml",)
    profiles: Sequence[str] = ()
    names: Sequence[str] = ()
    ports: Sequence[str] = ()
    files: Sequence[str] = ()
    networks: Mapping[str, str] = field(default_factory=dict)
    foreground: bool = False


PROJECTS: Mapping[str, Up] = {
    "defaults": Up(ports=("8101", "8111")),
    "networks": Up(
        names=("shop.test", "www", "backend", "rows", "rows-of-networks", "proxy.cmp-networks_back"),
        ports=("8102", "8112"),
    ),
    "addresses": Up(names=("in-beta", "same"), ports=("8103",)),
    "internal": Up(ports=("8104",)),
    "secrets": Up(),
    "configs": Up(files=("/page", "/etc/page.html", "/etc/inline.conf", "/etc/owned.conf")),
    "volumes": Up(),
    "profiles": Up(profiles=("debug",), names=("never",)),
    "extends": Up(("compose.yaml", "compose.override.yaml"), names=("www",), ports=("8199", "8109")),
    "replicas": Up(names=("pool", "none")),
    "namespaces": Up(names=("web-host", "printer"), ports=("8110",), foreground=True),
    "links": Up(names=("database",)),
    "users": Up(names=("named-host", "named-host.example.org", "other.test", "gateway.test")),
    "isolated": Up(ports=("8114",)),
    "ipv6": Up(ports=("8115",)),
    "external": Up(networks={"cmp-edge": "10.97.0.0/24"}, ports=("8116",)),
    "order": Up(foreground=True),
}


def project_name(name: str) -> str:
    return f"cmp-{name}"


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / name / SEEN).read_text())
    return document


def ports(up: Up) -> list[str]:
    """Those of the machine, at its addresses and at its loopback's."""
    return [f"{address}/{port}" for port in up.ports for address in (*MACHINE, "127.0.0.1")]


def names(name: str, services: Sequence[str]) -> list[str]:
    """Those that containers are asked for: services, containers as compose v2 calls them, and what the table has."""
    containers = [f"{project_name(name)}-{service}" for service in services]
    stems = [service.rpartition("-")[0] for service in services]
    return sorted({*stems, *containers, "localhost", "nothing", *PROJECTS[name].names})
