"""A container in the namespaces that another one's hooks keep: the same network and processes, and gone with it."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import call_bundler
from tests.support.machine import Machine, machine

PLUGINS = "/usr/lib/cni/portmap"
TOOLS = ("runc", "iptables", "ip", "nsenter", "flock", "busybox", PLUGINS)
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]

KINDS = {"network": "net", "ipc": "ipc", "pid": "pid"}
FILES = {"hosts": "hosts", "hostname": "hostname", "resolv_conf": "resolv.conf"}
PLACE = "/run/bundler/namespaces/shop-db"


@pytest.fixture(scope="module")
def bundles(golden_archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("namespaces")
    bridge = {"name": "br-shop", "subnet": "10.92.0.0/26", "gateway": "10.92.0.1", "address": "10.92.0.2"}
    shared = {"network_mode": "bridge", "bridges": [bridge], "shared_namespaces": list(KINDS), "ipc": "shareable"}
    joined: dict[str, Any] = {"ipc": f"ns:{PLACE}/ipc", "pid": f"ns:{PLACE}/pid", "network_mode": f"ns:{PLACE}/network"}
    shm = {"type": "bind", "source": f"{PLACE}/shm", "target": "/dev/shm"}
    joined["etc_files"] = {key: f"{PLACE}/{name}" for key, name in FILES.items()}
    both: dict[str, dict[str, Any]] = {"db": shared, "web": {**joined, "volumes": [shm]}}
    for name, settings in both.items():
        keys = {"container_name": f"shop-{name}", "command": ["/bin/busybox", "sleep", "1000"], **settings}
        (folder / f"{name}.yaml").write_text(json.dumps(keys))
        image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
        call_bundler("build", image, "--overrides", folder / f"{name}.yaml", "--output", folder / name)
    return folder


@pytest.fixture
def here() -> Iterator[Machine]:
    with machine() as made:
        yield made


def process(here: Machine, name: str) -> int:
    pid: int = json.loads(here.must("runc", "state", name))["pid"]
    return pid


def start(here: Machine, bundles: Path, name: str, called: str = "") -> int:
    started = here.start(bundles / name, called or f"shop-{name}")
    assert started.exit_code == 0, started.stderr
    return process(here, called or f"shop-{name}")


def namespaces(pid: int) -> list[str]:
    return [str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in KINDS.values()]


def traces(here: Machine) -> list[str]:
    """All that is left of networks, and of mounts below /run."""
    made = here.traces()
    return [made["rules"], made["links"], made["records"], here("grep", " /run/bundler", "/proc/mounts").stdout]


def test_one_joins_what_the_other_keeps_and_nothing_is_left(here: Machine, bundles: Path) -> None:
    before = traces(here)
    for _ in range(2):
        first = start(here, bundles, "db")
        second = start(here, bundles, "web")
        assert namespaces(first) == namespaces(second)
        here.must("runc", "exec", "shop-db", "/bin/busybox", "touch", "/dev/shm/mark")
        assert "mark" in here.must("runc", "exec", "shop-web", "/bin/busybox", "ls", "/dev/shm")
        assert "10.92.0.2" in here.must("runc", "exec", "shop-web", "/bin/busybox", "ip", "address")
        for name in FILES.values():
            assert Path(f"/proc/{first}/root/etc/{name}").samefile(f"/proc/{second}/root/etc/{name}")
        assert "\n10.92.0.2\t" in Path(f"/proc/{second}/root/etc/hosts").read_text()
        for name in ("shop-web", "shop-db"):
            here.must("sh", "-c", f"cd / && exec runc delete --force {name}")
        assert here("ls", PLACE).exit_code != 0
    assert traces(here) == before


def test_a_name_is_one_living_containers(here: Machine, bundles: Path) -> None:
    first = start(here, bundles, "db")
    second = here.start(bundles / "db", "other")
    assert second.exit_code != 0
    os.kill(first, signal.SIGKILL)
    here.must("sh", "-c", "until runc state shop-db | grep -q stopped; do sleep 0.05; done; rm -r /run/runc/shop-db")
    # What that one left is taken away by the next, which is not confused by its end.
    next_one = start(here, bundles, "db", "other")
    assert here.must("stat", "-L", "-c", "%i", f"{PLACE}/pid").strip() in namespaces(next_one)[2]
