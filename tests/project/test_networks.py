"""Networks of a project: which bundle is on which bridge, by which address, and what names it finds."""

from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects import keys, project, refused

FILE = """
services:
  web: {image: web, networks: [front]}
  app:
    image: app
    scale: 2
    container_name:
    networks: {front: {aliases: [api]}, back: {}}
    links: ["db:database"]
    extra_hosts: ["web:192.0.2.1"]
  db: {image: db, container_name: base, networks: {back: {ipv4_address: 10.5.0.9, mac_address: 02:42:ac:11:65:43}}}
  alone: {image: x}
  hostly: {image: x, network_mode: host}
networks:
  front: {driver_opts: {com.docker.network.driver.mtu: 1400, com.docker.network.bridge.name: shop0}}
  back: {internal: true, ipam: {config: [{subnet: 10.5.0.0/24, gateway: 10.5.0.2, aux_addresses: {x: 10.5.0.1}}]}}
"""


def test_each_network_is_a_bridge_and_each_bundle_has_an_address(tmp_path: Path) -> None:
    record = project(tmp_path, FILE).record
    assert sorted(record.networks) == ["back", "default", "front"]
    assert (record.networks["front"].bridge, str(record.networks["back"].gateway)) == ("shop0", "10.5.0.2")
    places = {
        bundle.name: {name: str(each.address) for name, each in bundle.networks.items()} for bundle in record.bundles
    }
    assert places["db"] == {"back": "10.5.0.9"}
    assert {name: each["back"] for name, each in places.items() if "back" in each} == {
        "db": "10.5.0.9",
        "app-1": "10.5.0.3",
        "app-2": "10.5.0.4",
    }
    assert list(places["app-1"]) == ["back", "front"]
    assert places["hostly"] == {}


def test_a_bundle_is_told_its_bridges_in_the_order_of_its_interfaces(tmp_path: Path) -> None:
    said = keys(project(tmp_path, FILE), "app-1")
    assert (said["network_mode"], "networks" in said, "links" in said) == ("bridge", False, False)
    back, front = said["bridges"]
    assert back | {"name": ""} == {
        "name": "",
        "subnet": "10.5.0.0/24",
        "gateway": "10.5.0.2",
        "address": "10.5.0.3",
        "internal": True,
    }
    assert (front["name"], front["mtu"]) == ("shop0", 1400)
    assert keys(project(tmp_path, FILE), "db")["bridges"][0]["mac_address"] == "02:42:ac:11:65:43"
    assert keys(project(tmp_path, FILE), "hostly")["network_mode"] == "host"


def test_a_bundle_finds_by_name_whom_it_shares_a_network_with(tmp_path: Path) -> None:
    made = project(tmp_path, FILE)
    of_app, of_web, of_db = (keys(made, name)["extra_hosts"] for name in ("app-1", "web", "db"))
    assert of_app["web"] == ["192.0.2.1"]
    assert of_app["database"] == of_app["db"] == of_app["base"] == ["10.5.0.9"]
    assert len(of_app["app"]) == len(of_app["api"]) == 2
    # Those that lead out come first, as to Docker's own server.
    assert of_app["app"] == of_web["app"] != of_db["app"]
    assert "db" not in of_web
    assert "api" not in of_db
    assert "alone" not in of_web
    assert of_app["shop-app-2"] == of_app["app"][1:]


def test_the_way_out_is_that_of_docker(tmp_path: Path) -> None:
    text = """
services:
  a: {image: x, networks: [four, six]}
  b: {image: x, networks: {four: {priority: 1}, six: {}, inner: {priority: 9}}}
  c: {image: x, networks: {four: {gw_priority: 1}, six: {}}}
  d: {image: x, networks: {four: {}, fore: {priority: 1}}}
networks: {four: {}, fore: {}, six: {enable_ipv6: true}, inner: {internal: true}}
"""
    made = project(tmp_path, text)
    places = {bundle.name: bundle.networks for bundle in made.record.bundles}
    assert {name: list(each) for name, each in places.items()} == {
        "a": ["six", "four"],
        "b": ["six", "inner", "four"],
        "c": ["four", "six"],
        "d": ["fore", "four"],
    }
    first = keys(made, "c")["bridges"][0]
    assert first["address"] == str(places["c"]["four"].address)
    # Names are those of the network with IPv6 all the same.
    assert str(places["a"]["six"].address) in keys(made, "c")["extra_hosts"]["a"]


def test_ports_are_published_where_the_network_says(tmp_path: Path) -> None:
    text = """
services: {a: {image: x, ports: ["8080:80", "127.0.0.2:81:81"], networks: [inner, n]}}
networks: {n: {driver_opts: {com.docker.network.bridge.host_binding_ipv4: 127.0.0.1}}, inner: {internal: true}}
"""
    made = project(tmp_path, text)
    assert [port["host_ip"] for port in keys(made, "a")["ports"]] == ["127.0.0.1", "127.0.0.2"]
    assert made.remarks == ()


def test_a_host_name_is_one_that_others_know(tmp_path: Path) -> None:
    made = project(
        tmp_path, "services: {a: {image: x, hostname: one.test}, b: {image: x}, c: {image: x, hostname: '-x'}}"
    )
    known = keys(made, "b")["extra_hosts"]
    assert known["one.test"] == known["a"]
    assert "-x" not in known


def test_addresses_follow_from_the_project_alone(tmp_path: Path) -> None:
    first = project(tmp_path, FILE).record
    (tmp_path / "other").mkdir()
    assert project(tmp_path / "other", FILE).record.content == first.content
    more = project(tmp_path, FILE + "  another: {}\n").record
    assert more.networks == first.networks
    assert project(tmp_path, FILE, name="other").record.networks["default"] != first.networks["default"]


def test_the_networks_are_in_the_subnet_that_is_asked_for(tmp_path: Path) -> None:
    pool = IPv4Network("192.168.7.0/24")
    networks = project(tmp_path, FILE, pool=pool).record.networks
    assert networks["front"].subnet.subnet_of(pool)
    assert networks["default"].subnet.subnet_of(pool)
    assert not networks["front"].subnet.overlaps(networks["default"].subnet)
    assert "--subnet 192.168.7.0/26 is too small" in refused(tmp_path, FILE, pool=IPv4Network("192.168.7.0/26")).what


def test_a_network_has_room_for_all_that_are_on_it(tmp_path: Path) -> None:
    record = project(tmp_path, "services: {a: {image: x, scale: 100}}").record
    assert record.networks["default"].subnet.prefixlen == 25
    assert len({bundle.networks["default"].address for bundle in record.bundles}) == 100


def test_a_network_with_ipv6_gives_each_an_address_of_it(tmp_path: Path) -> None:
    text = "services: {a: {image: x}, b: {image: x}}\nnetworks: {default: {enable_ipv6: true}}"
    made = project(tmp_path, text)
    bridge = keys(made, "a")["bridges"][0]
    assert bridge["ipv6"]["subnet"].endswith("::/64")
    assert keys(made, "b")["extra_hosts"]["a"] == [bridge["address"], bridge["ipv6"]["address"]]


def test_networks_of_docker_itself_are_modes(tmp_path: Path) -> None:
    text = """
services:
  a: {image: x, networks: [outside]}
  b: {image: x, network_mode: bridge}
  c: {image: x, networks: [old]}
networks: {outside: {external: true, name: host}, old: {external: {name: none}}}
"""
    made = project(tmp_path, text)
    assert [keys(made, name)["network_mode"] for name in "abc"] == ["host", "bridge", "none"]
    assert made.record.networks == {}


@pytest.mark.parametrize(
    ("service", "network", "complaint"),
    [
        ("[n]", "{external: true}", "compose.yaml:2:26: networks: 'n' is external"),
        ("[n]", "{driver: overlay}", "compose.yaml:2:24: networks: the driver 'overlay' is not known here"),
        ("[n]", "{enable_ipv4: false}", "compose.yaml:2:29: networks: a network without IPv4"),
        ("[n]", "{colour: red}", "compose.yaml:2:16: networks.n: 'colour' is not known here"),
        ("[n]", "{internal: perhaps}", "compose.yaml:2:26: networks: internal: expected true or false"),
        ("[n]", "{ipam: {config: [{subnet: x}]}}", "compose.yaml:2:41: networks: 'x' is not a subnet"),
        ("[n]", "{ipam: {config: [{gateway: 10.0.0.1}]}}", "networks: ipam.config: subnet is missing"),
        ("[n]", "{ipam: {config: [{subnet: 10.1.0.0/24, gateway: 10.2.0.1}]}}", "10.2.0.1 is not in 10.1.0.0/24"),
        (
            "[n]",
            "{ipam: {config: [{subnet: 10.1.0.0/24, ip_range: 10.2.0.0/28}]}}",
            "10.2.0.0/28 is not in 10.1.0.0/24",
        ),
        ("[n]", "{ipam: {config: [{subnet: 10.1.0.0/24}, {subnet: 10.2.0.0/24}]}}", "a second subnet of IPv4"),
        ("[n]", "{ipam: {driver: dhcp}}", "the driver 'dhcp' is not known"),
        (
            "[n]",
            "{driver_opts: {com.docker.network.bridge.name: a-name-that-is-too-long}}",
            "cannot be an interface's name",
        ),
        ("[m]", "{}", "networks: 'm' is not defined in the compose file"),
        ("{n: {ipv4_address: web}}", "{}", "networks: 'web' is not an IPv4 address"),
        ("{n: {ipv4_address: 10.1.0.5}}", "{}", "networks: 10.1.0.5 is not an address of 10."),
        (
            "{n: {ipv4_address: 10.1.0.1}}",
            "{ipam: {config: [{subnet: 10.1.0.0/24}]}}",
            "10.1.0.1 is the gateway's, too",
        ),
        ("{n: {ipv6_address: 'fd00::5'}}", "{}", "ipv6_address: the network has no IPv6"),
        ("{n: {link_local_ips: [1]}}", "{}", "networks: 'link_local_ips' is not known here"),
        ("{n: {aliases: ['a b']}}", "{}", "networks: 'a b' is not a host name"),
    ],
)
def test_what_no_bridge_can_be_is_refused_where_it_stands(
    tmp_path: Path, service: str, network: str, complaint: str
) -> None:
    error = refused(tmp_path, f"services: {{a: {{image: x, networks: {service}}}}}\nnetworks: {{n: {network}}}")
    assert complaint in error.what
    assert error.what.startswith("compose.yaml:")


@pytest.mark.parametrize(
    ("services", "complaint"),
    [
        (
            "{a: {image: x, ports: ['80:80']}, b: {image: x, ports: ['127.0.0.1:80:90']}}",
            "80/tcp is published by a, too",
        ),
        ("{a: {image: x, scale: 2, ports: ['80:80']}}", "each of 2 containers would publish 80/tcp"),
    ],
)
def test_what_two_containers_cannot_share_is_refused(tmp_path: Path, services: str, complaint: str) -> None:
    error = refused(tmp_path, f"services: {services}")
    assert complaint in error.what
    assert error.what.startswith("compose.yaml:1:")


def test_two_addresses_of_one_machine_may_have_one_port(tmp_path: Path) -> None:
    listed = [f"{name}: {{image: x, ports: ['{port}']}}" for name, port in zip("abc", _PORTS, strict=True)]
    assert project(tmp_path, f"services: {{{', '.join(listed)}}}").record.bundles


_PORTS: Any = ("127.0.0.1:80:80", "127.0.0.2:80:80", "80:80/udp")
