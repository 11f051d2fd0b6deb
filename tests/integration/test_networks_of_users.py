"""A container of an ordinary user gets a network through a program of his, which goes when the container goes."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.images.platform import Platform
from bundler.pipeline import build
from bundler.request import BuildRequest
from tests.support.machine import Machine, connected_machines
from tests.support.ordinary_user import USER, as_user, folder_of_a_user
from tests.support.runtime import Ended
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.root,
    pytest.mark.tool("runc", "pasta", "slirp4netns", "setpriv", "ip", "nsenter"),
    pytest.mark.usefixtures("documents_in_memory"),
]

NAME = f"bundler-test-{uuid.uuid4().hex[:12]}"
DIRECTORY = "/run/user/65534"
# Everybody may use it where udev made it; the copy of a container has it for root.
TUNNEL = f"""
mkdir -p {DIRECTORY} && chown 65534:65534 {DIRECTORY} && chmod 755 /run /run/user
mknod -m 666 /run/tun c 10 200 && mount --bind /run/tun /dev/net/tun
ip route add default via 192.0.2.2
"""


@pytest.fixture
def machine() -> Iterator[Machine]:
    with connected_machines() as (made, _):
        made.must("sh", "-ec", TUNNEL)
        yield made


@pytest.fixture
def folder(machine: Machine) -> Iterator[Path]:
    with folder_of_a_user() as folder:
        yield folder
        runc(machine, folder, "delete", "--force", NAME)


def make_bundle(folder: Path, archive: Path, ports: str) -> Path:
    image = folder / "image.tar"
    image.write_bytes(archive.read_bytes())
    overrides = folder / "o.yaml"
    overrides.write_text(
        f"{{network_mode: bridge, ports: [{ports}], command: [/bin/busybox, httpd, -f, -p, '80', -h, /etc]}}"
    )
    request = BuildRequest(
        image=f"docker-archive:{image}:golden/plain:1",
        machine=Platform("linux", "amd64"),
        overrides=(str(overrides),),
        rootless=True,
        caller=(USER, USER),
    )

    def work(name: str) -> None:
        build(request, folder / name)

    work("first")  # Python's own files may be root's alone, so everything is imported before
    as_user(lambda: work("b"))
    return folder / "b"


def runc(machine: Machine, folder: Path, *arguments: str | Path) -> Ended:
    drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    log = folder / "log"
    command = 'exec "$@" </dev/null >"$0" 2>&1'
    ended = machine(*drop, "sh", "-c", command, log, "runc", "--root", folder / "state", *arguments)
    return Ended(ended.exit_code, log.read_text(), "")


def programs(machine: Machine) -> list[str]:
    """The records of programs that pass on what goes in and out."""
    return machine("sh", "-c", f"cat {DIRECTORY}/bundler-network/*/program").stdout.split()


def is_running(process: str) -> bool:
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(("program", "ports"), [("pasta", "'8080:80', '127.0.0.1:9090:80'"), ("slirp4netns", "")])
def test_a_user_has_a_network(
    machine: Machine, folder: Path, golden_archives: dict[str, Path], program: str, ports: str
) -> None:
    bundle = make_bundle(folder, golden_archives["docker28"], ports)
    if program == "slirp4netns":
        hide_pasta(machine)
    started = runc(machine, folder, "run", "--detach", "--bundle", bundle, NAME)
    assert started.exit_code == 0, started.stdout
    process, _ = programs(machine)
    assert Path(f"/proc/{process}/cmdline").read_text().startswith(program)
    assert "default via" in runc(machine, folder, "exec", NAME, "/bin/busybox", "ip", "route").stdout
    if ports:
        assert "localhost" in machine.get("http://192.0.2.1:8080/hosts")
        assert "localhost" in machine.get("http://127.0.0.1:9090/hosts")
    container = json.loads(runc(machine, folder, "state", NAME).stdout)["pid"]
    os.kill(container, 9)
    machine("sh", "-c", f"while [ -e /proc/{container}/root/bin ]; do sleep 0.05; done")
    runc(machine, folder, "delete", "--force", NAME)
    assert programs(machine) == []
    wait_until(lambda: not is_running(process))  # it was told to end, and its memory goes before it does


def hide_pasta(machine: Machine) -> None:
    machine.must("sh", "-ec", ": >/run/none; mount --bind /run/none $(command -v pasta)")


def test_what_nobody_can_do_is_said(machine: Machine, folder: Path, golden_archives: dict[str, Path]) -> None:
    bundle = make_bundle(folder, golden_archives["docker28"], "'8080:80'")
    hide_pasta(machine)
    started = runc(machine, folder, "run", "--detach", "--bundle", bundle, NAME)
    assert "slirp4netns publishes no ports; install pasta (Debian: apt install passt)" in started.stdout
    machine.must("sh", "-ec", "mount --bind /run/none $(command -v slirp4netns)")
    started = runc(machine, folder, "run", "--detach", "--bundle", bundle, NAME)
    assert "an ordinary user needs pasta or slirp4netns (Debian: apt install passt, or slirp4netns)" in started.stdout
    assert "cannot open" not in started.stdout
    assert machine("ls", f"{DIRECTORY}/bundler-network").stdout == "lock\n"
