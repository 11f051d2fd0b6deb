"""Containers on the bridges of a project: who reaches whom, what outlives none of them, and what is left alone."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import call_bundler
from tests.support.machine import Machine, connected_machines, wait_for_server

PLUGINS = "/usr/lib/cni/portmap"
TOOLS = ("runc", "iptables", "ip", "nsenter", "flock", "busybox", PLUGINS)
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]

FRONT = {"name": "br-front", "subnet": "10.92.0.0/26", "gateway": "10.92.0.1"}
BACK = {"name": "br-back", "subnet": "10.92.1.0/26", "gateway": "10.92.1.1", "internal": True}
OTHER = {"name": "br-other", "subnet": "10.92.2.0/26", "gateway": "10.92.2.1", "masquerade": False, "mtu": 1400}
APART = {"name": "br-apart", "subnet": "10.92.3.0/26", "gateway": "10.92.3.1", "icc": False}
ADDRESS = "192.0.2.1"  # the machine's, from outside
OUTSIDE = "192.0.2.2"
# Where something answers, of ADDRESS/PORT...
PROBE = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def answers(place):
    address, port = place.rsplit("/", 1)
    try:
        socket.create_connection((address, int(port)), timeout=3).close()
    except OSError:
        return False
    return True

places = sys.argv[1:]
with ThreadPoolExecutor(len(places)) as pool:
    print(*(place for place, there in zip(places, pool.map(answers, places)) if there))
"""
# Addresses of IPv6 for the cable between the machine and whoever calls from outside.
CABLE6 = "ip -6 address add fd00:9::{number}/64 dev cable nodad"


def on(bridge: Mapping[str, Any], last: int, **more: Any) -> dict[str, Any]:
    """A place on a bridge: the last number of the address."""
    return {**bridge, "address": bridge["gateway"].rpartition(".")[0] + f".{last}", **more}


def with_ipv6(bridge: Mapping[str, Any], last: int) -> dict[str, Any]:
    net = f"fd00:{bridge['subnet'].split('.')[2]}::"
    return on(bridge, last, ipv6={"subnet": f"{net}/64", "gateway": f"{net}1", "address": f"{net}{last}"})


CONTAINERS: dict[str, dict[str, Any]] = {
    "web": {"bridges": [on(BACK, 2), on(FRONT, 2), on(OTHER, 2)], "ports": ["8080:80"]},
    "peer": {"bridges": [on(FRONT, 3, mac_address="02:00:00:00:00:09")]},
    "db": {"bridges": [on(BACK, 3)]},
    "lone": {"bridges": [on(OTHER, 3)], "ports": ["127.0.0.1:8081:80"]},
    "apart1": {"bridges": [on(APART, 2)], "ports": ["8082:80"]},
    "apart2": {"bridges": [on(APART, 3)]},
    "six1": {"bridges": [with_ipv6(FRONT, 5)], "ports": ["8083:80"]},
    "six2": {"bridges": [with_ipv6(OTHER, 6)], "ports": ["8084:80"]},
    "own": {"ports": ["8085:80"]},  # on bundler's own bridge
}


@pytest.fixture(scope="module")
def bundles(golden_archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bridges")
    serve = ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/etc"]
    made = {}
    for name, settings in CONTAINERS.items():
        made[name] = folder / name
        (folder / f"{name}.yaml").write_text(
            json.dumps({"network_mode": "bridge", "name": name, "command": serve, **settings})
        )
        image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
        call_bundler("build", image, "--overrides", folder / f"{name}.yaml", "--output", made[name])
    return made


@pytest.fixture
def machines() -> Iterator[tuple[Machine, Machine]]:
    with connected_machines() as made:
        yield made


@pytest.fixture
def machine(machines: tuple[Machine, Machine]) -> Machine:
    return machines[0]


def called(name: str) -> str:
    """What a container is called: its control group has that name, and those of other tests may be there, too."""
    return f"bridged-{name}"


def start(machine: Machine, bundles: Mapping[str, Path], *names: str) -> dict[str, Machine]:
    """Start containers, and return their networks."""
    networks = {}
    for name in names:
        started = machine.start(bundles[name], called(name))
        assert started.exit_code == 0, started.stderr
        networks[name] = Machine(json.loads(machine.must("runc", "state", called(name)))["pid"], mounts=False)
        wait_for_server(networks[name].pid)
    return networks


def remove(machine: Machine, *names: str) -> None:
    for name in names:
        machine.must("sh", "-c", f"cd / && runc kill {called(name)} KILL; exec runc delete --force {called(name)}")


def reached(network: Machine, *places: str) -> list[str]:
    return network.must("python3", "-c", PROBE, *places).split()


@pytest.mark.parametrize("policy", ["DROP", "ACCEPT"])
def test_containers_reach_each_other_as_on_networks_of_docker(
    machines: tuple[Machine, Machine], bundles: dict[str, Path], policy: str
) -> None:
    inside, outside = machines
    inside.must("iptables", "-P", "FORWARD", policy)
    outside.must("ip", "route", "add", "10.92.0.0/14", "via", ADDRESS)
    before = inside.traces()
    network = start(inside, bundles, "web", "peer", "db", "lone", "own")
    web, peer, db, lone = "10.92.0.2/80", "10.92.0.3/80", "10.92.1.3/80", "10.92.2.3/80"
    everywhere = (web, peer, db, lone, f"{ADDRESS}/8080")
    assert reached(network["web"], *everywhere) == [web, peer, db, lone, f"{ADDRESS}/8080"]
    assert reached(network["peer"], *everywhere) == [web, peer, f"{ADDRESS}/8080"]
    assert reached(network["lone"], *everywhere, "10.92.2.2/80") == [lone, f"{ADDRESS}/8080", "10.92.2.2/80"]
    assert reached(network["own"], *everywhere) == [f"{ADDRESS}/8080"]
    # An internal bridge leads nowhere but to the machine, and to what is published there.
    assert reached(network["db"], *everywhere, "10.92.1.2/80", "10.92.1.1/8080") == [
        db,
        "10.92.1.2/80",
        "10.92.1.1/8080",
    ]
    assert reached(inside, *everywhere, "127.0.0.1/8080", "127.0.0.1/8081") == [
        *(web, peer, db, lone, f"{ADDRESS}/8080", "127.0.0.1/8080", "127.0.0.1/8081")
    ]
    assert reached(outside, *everywhere, "10.90.0.2/80", f"{ADDRESS}/8081") == [f"{ADDRESS}/8080"]
    remove(inside, "web", "peer", "db", "lone", "own")
    assert inside.traces() == before


def test_the_first_bridge_that_leads_out_is_the_way_out(
    machines: tuple[Machine, Machine], bundles: dict[str, Path]
) -> None:
    inside, outside = machines
    outside.must("sh", "-c", "busybox httpd -p 8000 -h /etc")
    network = start(inside, bundles, "web", "peer", "db", "lone")
    routes = {name: each.must("ip", "route", "show", "default").strip() for name, each in network.items()}
    assert routes == {
        "web": "default via 10.92.0.1 dev eth1",
        "peer": "default via 10.92.0.1 dev eth0",
        "db": "",
        "lone": "default via 10.92.2.1 dev eth0",
    }
    assert reached(network["web"], f"{OUTSIDE}/8000") == [f"{OUTSIDE}/8000"]
    assert reached(network["peer"], f"{OUTSIDE}/8000") == [f"{OUTSIDE}/8000"]
    assert reached(network["lone"], f"{OUTSIDE}/8000") == []  # it keeps its address, which has no way back ...
    outside.must("ip", "route", "add", "10.92.2.0/26", "via", ADDRESS)
    assert reached(network["lone"], f"{OUTSIDE}/8000") == [f"{OUTSIDE}/8000"]  # ... unless there is one
    assert "02:00:00:00:00:09" in network["peer"].must("ip", "link", "show", "eth0")
    assert "mtu 1400" in network["lone"].must("ip", "link", "show", "eth0")


@pytest.mark.parametrize("passing", ["1", "0"], ids=["bridged packets are filtered", "they are not"])
def test_containers_that_are_kept_apart_reach_the_machine_and_ports_alone(
    machines: tuple[Machine, Machine], bundles: dict[str, Path], passing: str
) -> None:
    inside, outside = machines
    inside.must("sh", "-c", f"for each in /proc/sys/net/bridge/*-call-ip*; do echo {passing} >$each; done")
    network = start(inside, bundles, "apart1", "apart2")
    first, second, port = "10.92.3.2/80", "10.92.3.3/80", f"{ADDRESS}/8082"
    assert reached(network["apart2"], first, port) == [port]
    assert reached(network["apart1"], second, port) == [port]
    # Nor by way of the machine, as a router.
    network["apart2"].must("ip", "route", "add", "10.92.3.2", "via", "10.92.3.1")
    assert reached(network["apart2"], first) == []
    assert reached(inside, first, second) == [first, second]
    assert reached(outside, port) == [port]


def test_two_bridges_have_ipv6_and_ports_on_it(machines: tuple[Machine, Machine], bundles: dict[str, Path]) -> None:
    inside, outside = machines
    for number, each in enumerate(machines, 1):
        each.must("sh", "-c", CABLE6.format(number=number))
    outside.must("ip", "-6", "route", "add", "fd00::/32", "via", "fd00:9::1")
    before = inside.traces()
    network = start(inside, bundles, "six1", "six2")
    first, second = "fd00:0::5/80", "fd00:2::6/80"
    published = ["fd00:9::1/8083", "fd00:9::1/8084"]
    assert reached(network["six1"], first, second, *published) == [first, *published]
    assert reached(network["six2"], first, second, *published) == [second, *published]
    assert reached(outside, first, second, *published) == published
    assert reached(inside, first, second, *published) == [first, second, *published]
    assert "default via fd00:2::1" in network["six2"].must("ip", "-6", "route", "show", "default")
    loopback = inside("cat", "/proc/sys/net/bridge/bridge-nf-call-ip6tables").stdout.strip() != "1"
    assert reached(inside, "::1/8083", "::1/8084") == (["::1/8083", "::1/8084"] if loopback else [])
    remove(inside, "six1")
    assert reached(inside, "::1/8084") == (["::1/8084"] if loopback else [])
    remove(inside, "six2")
    assert inside.traces() == before


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_many_that_start_and_end_at_once_leave_nothing(machine: Machine, bundles: dict[str, Path], shell: str) -> None:
    if shell == "busybox":
        machine.must("sh", "-c", "mount --bind $(command -v busybox) /bin/sh")
    before = machine.traces()
    names = ["web", "peer", "db", "lone", "apart1", "six1"]
    for _ in range(2):
        starting = "".join(
            f"runc run -d -b {bundles[name]} {called(name)} </dev/null >/dev/null 2>&1 & " for name in names
        )
        machine.must("bash", "-c", f"{starting} wait")
        for address in ("10.92.0.2", "10.92.1.3"):
            wait_for_server(machine.pid, address)
        wait_for_server(machine.pid, ADDRESS, 8080)
        states = [json.loads(machine.must("runc", "state", called(name)))["status"] for name in names]
        assert states == ["running"] * len(names)
        ending = "".join(f"runc delete --force {called(name)} & " for name in names)
        machine.must("bash", "-c", f"cd / && {ending} wait")
        assert machine.traces() == before


def test_what_a_killed_container_left_goes_with_the_next_start(machine: Machine, bundles: dict[str, Path]) -> None:
    before = machine.traces()
    start(machine, bundles, "web", "db")
    for name in map(called, ("web", "db")):
        os.kill(json.loads(machine.must("runc", "state", name))["pid"], signal.SIGKILL)
        machine.must("sh", "-c", f"until runc state {name} | grep -q stopped; do sleep 0.05; done")
        machine.must("rm", "-r", f"/run/runc/{name}")  # no runtime knows it any more
    start(machine, bundles, "apart2")
    assert machine.must("ip", "-brief", "link").count("br-") == 1
    remove(machine, "apart2")
    assert machine.traces() == before


def test_an_address_is_one_containers_at_a_time(machine: Machine, bundles: dict[str, Path]) -> None:
    start(machine, bundles, "peer")
    second = machine.start(bundles["peer"], called("second"))
    assert second.exit_code != 0
    assert "10.92.0.3" in second.stderr
    assert reached(machine, "10.92.0.3/80") == ["10.92.0.3/80"]


def test_a_bridge_that_was_there_before_stays(machine: Machine, bundles: dict[str, Path]) -> None:
    machine.must("sh", "-c", "ip link add br-front type bridge && ip address add 10.92.0.1/26 dev br-front")
    before = machine.traces()
    start(machine, bundles, "web", "peer")
    remove(machine, "web")
    start(machine, bundles, "web")
    remove(machine, "peer", "web")
    after = machine.traces()
    assert after["rules"] == before["rules"]
    assert machine.must("ip", "-brief", "link").count("br-") == 1
