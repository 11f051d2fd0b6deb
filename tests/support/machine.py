"""Machines of a test's own: network, mounts and /run of theirs, so that nothing of a container's network is left."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.in_network import in_network
from tests.support.runtime import Ended, call
from tests.support.waiting import awaited, wait_until

# The file systems of cgroup v2 beside v1 confuse crun; a plain umount of what others share is private here.
SET_UP = """
mount --make-rprivate /
mount -t tmpfs tmpfs /run
umount /sys/fs/cgroup/unified 2>/dev/null
ip link set lo up
echo ready
exec cat
"""
# The same with the root file system $0: nothing that is installed here is there. util-linux may lack pivot_root.
SET_UP_IN = """
ip link set lo up
mount --make-rprivate /
mount --bind "$0" "$0"
cd "$0"
for kind in proc dev sys; do mount --rbind "/$kind" "$kind"; done
mount -t tmpfs tmpfs run
mkdir -p old
busybox pivot_root . old
umount --lazy /old
echo ready
exec cat
"""
# Between the machine (192.0.2.1) and whoever calls from outside (192.0.2.2): addresses for documentation (RFC 5737).
CABLE = """
ip link add cable type veth peer name cable netns /proc/{outside}/ns/net
ip address add 192.0.2.1/24 dev cable
ip link set cable up
nsenter --target {outside} --net sh -c 'ip address add 192.0.2.2/24 dev cable; ip link set cable up'
"""


@dataclass(frozen=True)
class Machine:
    """The process `pid` keeps its namespaces; `mounts` says whether those of mounts are meant, too."""

    pid: int
    mounts: bool = True

    @property
    def enter(self) -> list[str]:
        """What to put before a command that runs there."""
        return ["nsenter", "--target", str(self.pid), "--net", *(["--mount"] if self.mounts else [])]

    def __call__(self, *command: str | Path) -> Ended:
        return call([*self.enter, *command])

    def must(self, *command: str | Path) -> str:
        ended = self(*command)
        assert ended.exit_code == 0, f"{' '.join(map(str, command))}: {ended.stderr}"
        return ended.stdout

    def start(self, bundle: Path, name: str, runtime: str = "runc") -> Ended:
        """Run a container in the background."""
        command = f'cd / && exec {runtime} run --detach --bundle "$0" "$1" </dev/null >"$0.log" 2>&1'
        ended = self("sh", "-c", command, bundle, name)
        return Ended(ended.exit_code, "", Path(f"{bundle}.log").read_text())

    def get(self, url: str) -> str:
        """What a web server answers; empty if none does."""
        return self(*FETCH, url).stdout.strip()

    def get_once_it_serves(self, url: str) -> str:
        page = awaited(lambda: self.get(url), pause=0.1)
        assert page != "", f"{url} is not served"
        return page

    def traces(self) -> dict[str, str]:
        """All that setting up a network could leave behind."""
        records = self.must("find", "/run", "-path", "*bundler/network/*")
        bookkeeping = ("/lock", "/addresses", "/addresses/bundler", "/last_reserved_ip.0", "/last_reserved_ip.1")
        return {
            "rules": rules_in("".join(map(self.must, ("iptables-save", "ip6tables-save")))),
            "links": self.must("ip", "-brief", "link"),
            "routes": self.must("sh", "-c", "ip -6 route show table all | grep bundler0 || true"),
            "forwards": self.must("cat", "/proc/sys/net/ipv6/conf/all/forwarding"),
            "records": "\n".join(line for line in records.splitlines() if not line.endswith(bookkeeping)),
            "mounts": "\n".join(line for line in self.must("cat", "/proc/mounts").splitlines() if "bundler" in line),
        }


# busybox's static wget dies of looking up a service.
# A packet that a filter drops is waited for in vain for a while, the answer of a server that is busy for long.
FETCH = (
    sys.executable,
    "-c",
    """import http.client, sys, urllib.parse
place = urllib.parse.urlsplit(sys.argv[1])
client = http.client.HTTPConnection(place.hostname, place.port, timeout=5)
client.connect()
client.sock.settimeout(120)
client.request("GET", place.path)
answer = client.getresponse()
sys.exit(answer.status) if answer.status >= 400 else print(answer.read().decode())""",
)
BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def wait_for_server(network: int, address: str = "127.0.0.1", port: int = 80) -> None:
    """Until somebody takes calls there, seen from the network of a process."""

    def call() -> bool:
        try:
            in_network(Path(f"/proc/{network}/ns/net"), lambda: socket.create_connection((address, port), 5).close())
        except OSError:
            return False
        return True

    wait_until(call, f"{address}:{port} takes no calls")


def rules_in(saved: str) -> str:
    """What iptables-save and ip6tables-save say, but for tables that come into being when somebody looks into them."""
    chains = sorted(line.split(" [")[0] for line in saved.splitlines() if line[0] in ":-")
    return "\n".join(line for line in chains if line not in {f":{name} ACCEPT" for name in BUILT_IN})


@contextmanager
def machine(root: Path | None = None) -> Iterator[Machine]:
    """A machine with the files of this one, or with those of `root`; containers that are left there are ended."""
    command = ["unshare", "--net", "--mount", "sh", "-c", *([SET_UP] if root is None else [SET_UP_IN, str(root)])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.read(6) == b"ready\n"
        try:
            made = Machine(keeper.pid)
            yield made
            for name in made("ls", "/run/runc", "/run/crun").stdout.split():
                made("sh", "-c", "runc delete --force $0 || crun delete --force $0", name)
        finally:
            keeper.kill()


@contextmanager
def connected_machines() -> Iterator[tuple[Machine, Machine]]:
    """A machine that containers run on, and another one from which somebody calls."""
    with machine() as inside, machine() as outside:
        inside.must("sh", "-ec", CABLE.format(outside=outside.pid))
        yield inside, outside
