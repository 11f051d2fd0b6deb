"""Several containers of one bundle at once, on IPv4 and IPv6, beside programs of the machine that have its ports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.overrides.docker_inspect.inspected import container
from tests.support.command import bundler
from tests.support.machine import Machine, connected_machines, wait_for_server
from tests.support.runtime import Name

TOOLS = ("runc", "crun", "iptables", "ip6tables", "ip", "nsenter", "flock", "/usr/lib/cni/portmap")
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]

RUNTIMES: tuple[Name, ...] = ("runc", "crun")
KINDS = {"tcp": "SOCK_STREAM", "udp": "SOCK_DGRAM"}
SERVE = ["/bin/busybox", "httpd", "-f", "-p", "[::]:80", "-h", "/etc"]
OPEN_CABLE = """
ip address add 2001:db8::{host}/64 dev cable nodad
[ ! -e /proc/sys/net/bridge ] || echo 0 >/proc/sys/net/bridge/bridge-nf-call-ip6tables
"""
# Binds as a program does, says so, and waits for the end of its input.
HOLD = """
import socket, sys
family, kind, address, port, alone = sys.argv[1:]
bound = socket.socket(getattr(socket, family), getattr(socket, kind))
if family == "AF_INET6":
    bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(alone))
bound.bind((address, int(port)))
if kind == "SOCK_STREAM":
    bound.listen()
print("bound", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machines() -> Iterator[tuple[Machine, Machine]]:
    with connected_machines() as (inside, outside):
        inside.must("sh", "-ec", OPEN_CABLE.format(host=1))
        outside.must("sh", "-ec", OPEN_CABLE.format(host=2))
        yield inside, outside


@pytest.fixture
def machine(machines: tuple[Machine, Machine]) -> Machine:
    return machines[0]


@pytest.fixture
def make(tmp_path: Path, golden_archives: dict[str, Path]) -> "Maker":
    return Maker(tmp_path, golden_archives["docker28"])


class Maker:
    """Makes bundles of a web server that serves the files of its /etc."""

    def __init__(self, folder: Path, archive: Path) -> None:
        self.folder, self.archive = folder, archive

    def __call__(self, name: str = "web", **settings: object) -> Path:
        overrides = self.folder / f"{name}.json"
        overrides.write_text(json.dumps({"network_mode": "bridge", "name": "web", "command": SERVE} | settings))
        bundle = self.folder / name
        image = f"docker-archive:{self.archive}:golden/plain:1"
        bundler("build", image, "--overrides", overrides, "--output", bundle)
        return bundle


def start(machine: Machine, bundle: Path, name: str, runtime: Name = "runc") -> None:
    started = machine.start(bundle, name, runtime)
    assert started.exit_code == 0, started.stderr
    wait_for_server(json.loads(machine.must(runtime, "state", name))["pid"])


def hosts(machine: Machine, name: str, runtime: Name = "runc") -> list[str]:
    """The lines of /etc/hosts with the container's own addresses."""
    shown = machine.must(runtime, "exec", name, "/bin/busybox", "cat", "/etc/hosts")
    return [line for line in shown.splitlines() if line.endswith("\tweb")]


@contextmanager
def held(machine: Machine, *words: object) -> Iterator[None]:
    """A program of the machine that has a port."""
    command = ["nsenter", "--target", str(machine.pid), "--net", sys.executable, "-c", HOLD, *map(str, words)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "bound\n"
        yield


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_run_of_a_read_only_bundle_has_files_of_its_own(machine: Machine, make: Maker, runtime: Name) -> None:
    bundle = make()
    machine.must("sh", "-ec", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"', bundle)
    before = machine.traces()
    for name in ("a", "b"):
        call = f'cd / && exec {runtime} run --detach --bundle "$0" {name} </dev/null >/dev/null 2>&1'
        machine.must("sh", "-c", call, bundle)
    first, second = hosts(machine, "a", runtime), hosts(machine, "b", runtime)
    assert (first, second) == (["10.90.0.2\tweb"], ["10.90.0.3\tweb"])
    bundler("verify", bundle)
    machine.must(runtime, "delete", "--force", "a")
    assert hosts(machine, "b", runtime) == second
    assert "\tweb" not in machine.must("cat", "/etc/hosts")
    machine.must(runtime, "delete", "--force", "b")
    assert machine.traces() == before
    bundler("verify", bundle)


@pytest.mark.parametrize("mode", ["bridge", "private"])
def test_bundler_runs_one_bundle_twice_at_once(machine: Machine, make: Maker, mode: str) -> None:
    bundle, before = make(network_mode=mode), machine.traces()
    for name in ("a", "b"):
        run = 'exec "$0" -m bundler run --detach --id "$1" "$2" </dev/null >/dev/null 2>&1'
        machine.must("sh", "-c", run, sys.executable, name, bundle)
    assert len({*hosts(machine, "a"), *hosts(machine, "b")}) == (2 if mode == "bridge" else 1)
    if mode == "bridge":  # what is written there is the run's, too
        machine.must("runc", "exec", "b", "/bin/busybox", "sh", "-c", "echo '192.0.2.9 web' >/etc/hosts")
        assert hosts(machine, "a") == ["10.90.0.2\tweb"]
    bundler("verify", bundle)
    for name in ("a", "b"):
        machine.must("runc", "delete", "--force", name)
    assert machine.traces() == before


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_is_read_only_stays_so(machine: Machine, make: Maker, runtime: Name) -> None:
    start(machine, make(read_only=True), "web", runtime)
    assert hosts(machine, "web", runtime) == ["10.90.0.2\tweb"]
    written = machine(runtime, "exec", "web", "/bin/busybox", "sh", "-c", "echo x >/etc/hosts")
    assert "Read-only file system" in written.stderr


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_containers_of_one_docker_network_find_each_other_by_name(machine: Machine, make: Maker, runtime: Name) -> None:
    networks = {
        "web": {"Aliases": ["front"], "DNSNames": None},
        "db": {"Aliases": ["database"], "DNSNames": None},
    }
    inspected = [
        container(
            Id=name[0] * 64,
            Name=f"/{name}",
            NetworkSettings={"Networks": {"shop": network}},
            Host_NetworkMode="shop",
            Config_Hostname=name,
            Config_Cmd=SERVE,
        )
        for name, network in networks.items()
    ]
    (make.folder / "shop.json").write_text(json.dumps(inspected))
    image = f"docker-archive:{make.archive}:golden/plain:1"
    for name in networks:
        asked = ("--from-inspect", make.folder / "shop.json", "--name", name)
        bundler("build", image, *asked, "--output", make.folder / name)
        start(machine, make.folder / name, name, runtime)
    for caller, called, owner in (
        ("web", "db", "db"),
        ("web", "database", "db"),
        ("web", "web", "web"),
        ("db", "front", "web"),
        ("db", "dddddddddddd", "db"),  # the beginning of its id
    ):
        fetch = ("wget", "-q", "-O", "-", f"http://{called}/hostname")
        assert machine.must(runtime, "exec", caller, "/bin/busybox", *fetch).strip() == owner


def test_runs_that_are_killed_one_after_the_other_leave_nothing(machine: Machine, make: Maker) -> None:
    """The first has nothing to clear away, the second what one has left, the third what one has left that did."""
    bundle = make(ports=["8080:80", "5353:53/udp"])
    before = machine.traces()
    for _ in range(3):
        start(machine, bundle, "killed")
        process = json.loads(machine.must("runc", "state", "killed"))["pid"]
        os.kill(process, signal.SIGKILL)
        machine.must(
            "sh", "-c", "until runc state killed | grep -q stopped; do sleep 0.02; done; rm -r /run/runc/killed"
        )
    start(machine, bundle, "last")
    assert machine.get("http://127.0.0.1:8080/hostname") == "web"
    machine.must("runc", "delete", "--force", "last")
    assert machine.traces() == before


@pytest.mark.parametrize("name", ["etc", "etc/hosts", "etc/resolv.conf"])
def test_a_symlink_in_the_place_of_a_file_is_refused(machine: Machine, make: Maker, name: str) -> None:
    bundle = make()
    secret = bundle.parent / "secret"
    secret.mkdir()
    for file in ("hosts", "hostname", "resolv.conf"):
        (secret / file).write_text("127.0.1.1\tsecret\n")
    machine.must("sh", "-ec", 'mv "$0" "$0.old"; ln -s "$1" "$0"', bundle / name, secret / name.removeprefix("etc/"))
    if name == "etc":
        machine.must("ln", "-sfn", secret, bundle / name)
    before = machine.traces()
    started = machine.start(bundle, "web")
    assert started.exit_code != 0
    assert "of the bundle is no file of its own" in started.stderr
    machine("runc", "delete", "--force", "web")
    assert machine.traces() == before


@pytest.mark.parametrize(
    ("program", "port", "taken"),
    [
        ("AF_INET 0.0.0.0 0", "{}:80", True),
        ("AF_INET 127.0.0.1 0", "{}:80", True),
        ("AF_INET6 :: 0", "{}:80", True),
        ("AF_INET6 :: 1", "{}:80", True),
        ("AF_INET6 ::1 0", "{}:80", True),
        ("AF_INET6 :: 0", "0.0.0.0:{}:80", True),
        ("AF_INET6 :: 1", "0.0.0.0:{}:80", False),
        ("AF_INET6 ::ffff:127.0.0.1 0", "127.0.0.1:{}:80", True),
        ("AF_INET6 ::1 0", "127.0.0.1:{}:80", False),
        ("AF_INET 127.0.0.1 0", "192.0.2.1:{}:80", False),
        ("AF_INET 0.0.0.0 0", "127.0.0.1:{}:80", True),
        ("AF_INET 0.0.0.0 0", "[::1]:{}:80", False),
        ("AF_INET6 2001:db8::1 0", "[2001:db8::1]:{}:80", True),
        ("AF_INET6 ::1 0", "[2001:db8::1]:{}:80", False),
        ("AF_INET6 :: 0", "[::1]:{}:80", True),
    ],
)
def test_a_port_that_a_program_has_is_refused(
    machine: Machine, make: Maker, program: str, port: str, *, taken: bool
) -> None:
    family, address, alone = program.split()
    before = machine.traces()
    for protocol, kind in KINDS.items():
        bundle = make(protocol, ports=[f"{port.format(8090)}/{protocol}"])
        with held(machine, family, kind, address, 8090, alone):
            started = machine.start(bundle, "web")
        assert (started.exit_code != 0) == taken, started.stderr
        assert (f"port 8090/{protocol}: address already in use by a program" in started.stderr) == taken
        machine("runc", "delete", "--force", "web")
    assert machine.traces() == before


@pytest.mark.parametrize(("protocol", "other"), [("tcp", "udp"), ("udp", "tcp")])
def test_a_port_of_the_other_protocol_is_free(machine: Machine, make: Maker, protocol: str, other: str) -> None:
    bundle = make(ports=[f"8090:80/{protocol}"])
    for program in ("AF_INET 0.0.0.0 0", "AF_INET6 :: 0"):
        family, address, alone = program.split()
        with held(machine, family, KINDS[other], address, 8090, alone):
            start(machine, bundle, "web")
        machine.must("runc", "delete", "--force", "web")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_ports_are_published_on_ipv6_too(machines: tuple[Machine, Machine], make: Maker, runtime: Name) -> None:
    inside, outside = machines
    bundle, before = make(ports=["8080:80", "[::1]:7070:80"]), inside.traces()
    for _ in range(2):
        start(inside, bundle, "web", runtime)
        assert len(hosts(inside, "web", runtime)) == 2
        for address in ("127.0.0.1", "192.0.2.1", "[::1]", "[2001:db8::1]"):
            assert inside.get(f"http://{address}:8080/hostname") == "web", address
        assert inside.get("http://[::1]:7070/hostname") == "web"
        assert [outside.get(f"http://{at}:8080/hostname") for at in ("192.0.2.1", "[2001:db8::1]")] == ["web", "web"]
        assert outside.get("http://[2001:db8::1]:7070/hostname") == ""
        inside.must(runtime, "delete", "--force", "web")
        assert inside.traces() == before


def test_a_container_with_ipv6_reaches_others(machines: tuple[Machine, Machine], make: Maker) -> None:
    inside, outside = machines
    start(inside, make(enable_ipv6=True), "web")
    start(inside, make("fixed", networks={"x": {"ipv6_address": "fd62:756e:646c::99"}}), "fixed")
    for to in ("2001:db8::2", "fd62:756e:646c::99", "fd62:756e:646c::1"):
        inside.must("runc", "exec", "web", "/bin/busybox", "ping", "-6", "-c", "1", "-W", "5", to)
    assert outside("ping", "-6", "-c", "1", "-W", "1", "fd62:756e:646c::99").exit_code != 0


@pytest.mark.parametrize(
    "lacking",
    [
        "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6",
        "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6",
        "cp -a /usr/sbin/. /run/sbin && rm /run/sbin/ip6tables && mount --bind /run/sbin /usr/sbin",
        "mount --bind /proc/sys/net/ipv6 /proc/sys/net/ipv6 && mount -o remount,bind,ro /proc/sys/net/ipv6",
    ],
    ids=["turned off", "off for what is new", "no ip6tables", "settings may not be written"],
)
def test_a_machine_without_ipv6_has_the_rest(machine: Machine, make: Maker, lacking: str) -> None:
    bundle = make(ports=["8080:80", "[::1]:7070:80"])
    machine.must("sh", "-ec", lacking)
    start(machine, bundle, "web")
    assert machine.get("http://127.0.0.1:8080/hostname") == "web"
    assert hosts(machine, "web") == ["10.90.0.2\tweb"]
    machine.must("runc", "delete", "--force", "web")
