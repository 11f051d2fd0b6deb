"""Containers in networks that the hooks of their bundles make: reachable, and gone without a trace."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, installed
from tests.support.machine import Machine, connected_machines, wait_for_server
from tests.support.runtime import Name

PLUGINS = "/usr/lib/cni/portmap"
TOOLS = ("debootstrap", "umoci", "runc", "iptables", "ip", "nsenter", "flock", "busybox", PLUGINS)
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]

SERVE = "echo $0 >/var/www/html/index.html && cp /etc/hosts /var/www/html && exec nginx -g 'daemon off;'"


@pytest.fixture(scope="module")
def bundles(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two web servers; the second lies where a careless shell would trip."""
    folder = tmp_path_factory.mktemp("networks")
    made = {"web1": folder / "web1", "web2": folder / "web $(touch evil) 'two' \\ \""}
    for number, (name, path) in enumerate(made.items()):
        settings = {
            "network_mode": "bridge",
            "ports": [f"808{number}:80", f"127.0.0.1:909{number}:80/tcp"],
            "name": name,
            "command": ["/bin/sh", "-c", SERVE, name],
            "environment": {"EVIL": "$(touch evil)`touch evil`"},
            "extra_hosts": ["db:10.0.0.5"],
        }
        overrides = folder / f"{name}.yaml"
        overrides.write_text(json.dumps(settings))
        bundler("build", f"oci:{debian}:debian", "--overrides", overrides, "--output", path)
    return made


@pytest.fixture
def machines() -> Iterator[tuple[Machine, Machine]]:
    with connected_machines() as made:
        yield made


@pytest.fixture
def machine(machines: tuple[Machine, Machine]) -> Machine:
    return machines[0]


def start(machine: Machine, bundle: Path, name: str, runtime: Name = "runc") -> str:
    """Start a container that serves, and return its address."""
    started = machine.start(bundle, name, runtime)
    assert started.exit_code == 0, started.stderr
    process = json.loads(machine.must(runtime, "state", name))["pid"]
    shown = json.loads(machine.must("nsenter", f"--net=/proc/{process}/ns/net", "ip", "-json", "address"))
    address: str = next(link for link in shown if link["ifname"] == "eth0")["addr_info"][0]["local"]
    wait_for_server(machine.pid, address)
    return address


def remove(machine: Machine, name: str, runtime: Name = "runc") -> None:
    machine.must("sh", "-c", f"cd /usr && {runtime} kill {name} KILL; exec {runtime} delete --force {name}")


def test_two_web_servers_are_reached_and_leave_nothing(
    machines: tuple[Machine, Machine], bundles: dict[str, Path]
) -> None:
    inside, outside = machines
    before = inside.traces()
    inside.must("iptables", "-P", "FORWARD", "DROP")  # as a machine with a firewall, or with Docker, has it
    hosts = (bundles["web1"] / "etc/hosts").read_bytes()
    for _ in range(2):
        first, second = (start(inside, bundle, name) for name, bundle in bundles.items())
        assert outside.get("http://192.0.2.1:8080/") == "web1"
        assert outside.get("http://192.0.2.1:8081/") == "web2"
        assert outside.get("http://192.0.2.1:9090/") == ""
        assert inside.get("http://127.0.0.1:9090/") == "web1"
        assert inside.get("http://192.0.2.1:8081/") == "web2"
        process = json.loads(inside.must("runc", "state", "web1"))["pid"]
        neighbour = Machine(process, mounts=False)
        assert neighbour.get(f"http://{second}/") == "web2"
        assert neighbour.get("http://192.0.2.1:8081/") == "web2"
        assert neighbour.get("http://192.0.2.1:8080/") == "web1"
        assert f"10.0.0.5\tdb\n{first}\tweb1\n" in inside.must("runc", "exec", "web1", "cat", "/etc/hosts")
        for name in bundles:
            remove(inside, name)
    inside.must("iptables", "-P", "FORWARD", "ACCEPT")
    assert inside.traces() == before
    assert (bundles["web1"] / "etc/hosts").read_bytes() == hosts
    assert list(bundles["web1"].parent.rglob("evil")) == []


def test_a_port_of_the_command_line_leads_to_an_image_that_is_run(
    machine: Machine, debian: Path, tmp_path: Path
) -> None:
    before, cache = machine.traces(), f"XDG_CACHE_HOME={tmp_path}"
    for _ in range(2):  # the second time from the bundle that was kept
        words = [
            "run",
            "-d",
            "--name",
            "bundler-port",
            "-p",
            "8085:80",
            f"oci:{debian}:debian",
            "sh",
            "-c",
            SERVE,
            "web",
        ]
        machine.must("sh", "-c", 'exec "$0" "$@" </dev/null >/dev/null 2>&1', "env", cache, installed(), *words)
        machine.must("sh", "-c", "until busybox wget -q -O /dev/null http://127.0.0.1:8085/; do sleep 0.1; done")
        assert machine.get("http://127.0.0.1:8085/") == "web"
        assert machine("env", cache, installed(), "gc").stdout == "nothing to remove\n"  # it is in use
        remove(machine, "bundler-port")
    assert machine.traces() == before
    assert len(list(tmp_path.glob("bundler/bundles/*/debian"))) == 1


def test_a_restart_leaves_the_networks_of_others_alone(machine: Machine, bundles: dict[str, Path]) -> None:
    before = machine.traces()
    start(machine, bundles["web1"], "web1")
    second = start(machine, bundles["web2"], "web2")
    for _ in range(2):
        remove(machine, "web1")
        start(machine, bundles["web1"], "web1")
        assert machine.get(f"http://{second}/") == "web2"
        assert machine.get("http://127.0.0.1:8081/") == "web2"
    for name in bundles:
        remove(machine, name)
    assert machine.traces() == before


@pytest.mark.tool("crun")
def test_crun_starts_the_same_hooks(machine: Machine, bundles: dict[str, Path]) -> None:
    before = machine.traces()
    start(machine, bundles["web2"], "web2", "crun")
    assert machine.get("http://127.0.0.1:8081/") == "web2"
    remove(machine, "web2", "crun")
    assert machine.traces() == before


def test_what_a_killed_container_left_goes_with_the_next_start(machine: Machine, bundles: dict[str, Path]) -> None:
    before = machine.traces()
    start(machine, bundles["web1"], "killed")
    os.kill(json.loads(machine.must("runc", "state", "killed"))["pid"], signal.SIGKILL)
    machine.must("sh", "-c", "until runc state killed | grep -q stopped; do sleep 0.05; done")
    machine.must("rm", "-r", "/run/runc/killed")  # no runtime knows it any more, so nobody will start its hook
    start(machine, bundles["web1"], "next")  # which gets the port
    assert machine.get("http://127.0.0.1:8080/") == "web1"
    assert "\n10.90.0.3\tweb1\n" in machine.must("runc", "exec", "next", "cat", "/etc/hosts")
    remove(machine, "next")
    assert (bundles["web1"] / "etc/hosts").read_text().endswith("127.0.1.1\tweb1\n")
    assert machine.traces() == before


def test_records_that_somebody_has_removed_are_in_nobodys_way(machine: Machine, bundles: dict[str, Path]) -> None:
    start(machine, bundles["web1"], "lost")
    os.kill(json.loads(machine.must("runc", "state", "lost"))["pid"], signal.SIGKILL)
    machine("rm", "-rf", "/run/runc/lost", "/run/bundler")  # the network is mounted there, and stays
    start(machine, bundles["web1"], "next")
    remove(machine, "next")
    assert machine.traces()["records"] == ""


def test_a_port_that_is_taken_is_refused_and_nothing_is_left(machine: Machine, bundles: dict[str, Path]) -> None:
    before = machine.traces()
    start(machine, bundles["web1"], "first")
    second = machine.start(bundles["web1"], "second")
    assert second.exit_code != 0
    assert "bundler: network: port 8080/tcp is published by another container already" in second.stderr
    assert machine.get("http://127.0.0.1:8080/") == "web1"
    remove(machine, "first")
    assert machine.traces() == before


def test_any_network_that_plugins_make(machine: Machine, debian: Path, tmp_path: Path) -> None:
    addresses = {"type": "host-local", "subnet": "10.95.0.0/24", "dataDir": "/run/addresses"}
    plugins = [
        {"type": "ptp", "ipMasq": True, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    (tmp_path / "p.conflist").write_text(json.dumps({"name": "p", "cniVersion": "1.0.0", "plugins": plugins}))
    settings = {"network_mode": "cni", "cni": "p.conflist", "ports": ["8082:80"], "command": ["sh", "-c", SERVE, "ptp"]}
    (tmp_path / "o.yaml").write_text(json.dumps(settings))
    bundler("build", f"oci:{debian}:debian", "--overrides", tmp_path / "o.yaml", "--output", tmp_path / "b")
    before = machine.traces()
    assert start(machine, tmp_path / "b", "ptp") == "10.95.0.2"
    assert machine.get("http://127.0.0.1:8082/") == "ptp"
    remove(machine, "ptp")
    assert machine.traces() == before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            "mount -t tmpfs none /usr/lib/cni",
            "in none of /opt/cni/bin /usr/lib/cni /usr/libexec/cni /usr/local/libexec/cni; install them (Debian: apt",
        ),
        ("mount --bind /bin/false /usr/lib/cni/portmap", "portmap"),
        ("ip link add bundler0 type veth peer name other", "bridge"),
    ],
    ids=["no plugins", "the last plugin fails", "the first plugin fails"],
)
def test_a_network_that_cannot_be_made_is_taken_apart_again(
    machine: Machine, bundles: dict[str, Path], spoil: str, message: str
) -> None:
    machine.must("sh", "-c", spoil)
    before = machine.traces()
    started = machine.start(bundles["web1"], "web1")
    assert started.exit_code != 0
    assert message in started.stderr
    if "bind" in spoil:
        machine.must("umount", "/usr/lib/cni/portmap")
    machine("runc", "delete", "--force", "web1")
    start(machine, bundles["web2"], "web2") if "bind" in spoil else None
    machine("runc", "delete", "--force", "web2")
    assert machine.traces()["rules"] == before["rules"]
    assert machine.traces()["mounts"] == before["mounts"]
