"""A project on a machine: each bundle, the order, the subnets and ports that are there already."""

import socket
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from bundler.conversion.bundled_hooks import STARTER
from bundler.doctor import networks
from bundler.doctor.examination import examine_bundle
from bundler.doctor.finding import examine
from bundler.doctor.project import PROJECT_CHECKS, ProjectFacts, Route, examine_project, parse_routes
from bundler.errors import RequestError
from bundler.project.record import Network, ProjectBundle, ProjectRecord
from bundler.runtime_spec.runtime_config import RuntimeConfig
from tests.support.made_projects import depends, made_project

# As /proc/net/route has it on a machine whose least byte comes first.
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
docker0\t00045C0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
DOCKER = Route("docker0", IPv4Network("10.92.4.0/24"))
FRONT = Network("br-0123456789ab", IPv4Network("10.92.4.0/26"), IPv4Address("10.92.4.1"))


@pytest.mark.skipif("__import__('sys').byteorder == 'big'")
def test_routes_are_read_but_that_to_everywhere() -> None:
    assert list(parse_routes(ROUTES)) == [Route("eth0", IPv4Network("172.17.0.0/16")), DOCKER]
    assert list(parse_routes("")) == []


@pytest.mark.parametrize(
    ("route", "found"),
    [
        (DOCKER, ("subnet-around", "warns")),
        (replace(DOCKER, subnet=IPv4Network("10.92.4.0/26")), ("subnet", "blocks")),
        (replace(DOCKER, subnet=IPv4Network("10.92.4.32/28")), ("subnet", "blocks")),
        (replace(DOCKER, subnet=IPv4Network("10.92.5.0/24")), None),
        (Route(FRONT.bridge, FRONT.subnet), None),
    ],
)
def test_a_subnet_that_is_there_already_is_told(tmp_path: Path, route: Route, found: tuple[str, str] | None) -> None:
    record = ProjectRecord("shop", (ProjectBundle("web", "web"),), {"front": FRONT})
    findings = examine(PROJECT_CHECKS, ProjectFacts(tmp_path, record, (route,)))
    assert [(finding.check, finding.severity) for finding in findings] == ([] if found is None else [found])
    assert all("the network front is 10.92.4.0/26, which meets 10.92.4" in finding.what for finding in findings)


def test_what_each_bundle_lacks_is_told_by_its_name(tmp_path: Path) -> None:
    missing = [{"destination": "/x", "source": "/no/such/folder", "type": "bind", "options": ["bind"]}]
    shop = made_project(
        tmp_path / "shop",
        ProjectBundle("web", "web", depends("db")),
        ProjectBundle("db", "db"),
        configs={"db": {"mounts": missing}},
    )
    examination = examine_project(shop)
    assert not examination.runs
    told = [finding.what for finding in examination.findings if finding.severity == "blocks"]
    assert any("web depends on db, which does not start before" in what for what in told)
    assert any(what.startswith("db: ") and "/no/such/folder" in what for what in told)


def test_what_another_container_shares_is_there_when_it_has_started(tmp_path: Path) -> None:
    place = "/run/bundler/namespaces/shop-db"
    mounted = {"/dev/shm": f"{place}/shm", "/etc/hosts": f"{place}/hosts"}
    joined = {
        "mounts": [
            {"destination": path, "source": source, "type": "bind", "options": ["bind"]}
            for path, source in mounted.items()
        ],
        "linux": {"namespaces": [{"type": "mount"}, {"type": "ipc", "path": f"{place}/ipc"}]},
    }
    shop = made_project(tmp_path, ProjectBundle("db", "db"), ProjectBundle("web", "web"), configs={"web": joined})
    (shop / "web/rootfs/etc").mkdir()
    (shop / "web/rootfs/etc/hosts").touch()
    told = [finding.what for finding in examine_project(shop).findings if finding.severity == "blocks"]
    assert not [what for what in told if place in what or "/etc/hosts" in what]
    assert [finding.what for finding in examine_bundle(shop / "web").findings if place in finding.what]


def test_a_project_of_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with pytest.raises(RequestError, match="the project has no service"):
        examine_project(made_project(tmp_path / "shop"))


def hook(*words: str) -> RuntimeConfig:
    args = ["sh", "-c", STARTER, "hooks/network", "up", "br0", "10.0.0.0/24", "bundle", *words]
    return RuntimeConfig({"hooks": {"createRuntime": [{"path": "/bin/sh", "args": args}]}})


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_a_program_has_is_told(kind: socket.SocketKind) -> None:
    name = "tcp" if kind is socket.SOCK_STREAM else "udp"
    with closing(socket.socket(socket.AF_INET, kind)) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        sentence = f"port {port}/{name} is published, and a program of this machine has it"
        for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 -- a word of the hook
            assert networks.taken_ports(hook(f"{name}/{address}/{port}/80")) == (sentence,)
    assert networks.taken_ports(hook(f"{name}/127.0.0.1/{port}/80")) == ()


def test_an_address_that_is_none_of_the_machine_is_told() -> None:
    assert networks.taken_ports(hook("tcp/192.0.2.1/8080/80")) == (
        "port 8080/tcp is published at 192.0.2.1, which is no address of this machine",
    )
    assert networks.taken_ports(RuntimeConfig({})) == ()
