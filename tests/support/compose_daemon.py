"""Compose projects started by docker-compose on a dockerd with networks, in a machine of its own."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from tests.support.compose_projects import FOLDER, MACHINE, PROJECTS, names, ports, project_name
from tests.support.container_views import Container, Project, views
from tests.support.docker import Docker, docker_daemon
from tests.support.machine import Machine, connected_machines
from tests.support.waiting import SECONDS, wait_until

LABEL = "com.docker.compose"


# The machine asks a name server that refuses.
RESOLVER = """
place=$(realpath -m /etc/resolv.conf)
mkdir -p "${place%/*}"
[ -e "$place" ] || : >"$place"
echo "nameserver 192.0.2.2" >/run/resolv.conf
mount --bind /run/resolv.conf "$place"
"""


CABLE6 = "ip -6 address add fd00:9::{number}/64 dev cable nodad"


@contextmanager
def machine_beside_a_server() -> Iterator[tuple[Machine, Machine]]:
    """A machine that containers run on, and another one with a web server."""
    with connected_machines() as (inside, outside):
        for number, machine in enumerate((inside, outside), 1):
            machine.must("sh", "-ec", CABLE6.format(number=number))
        inside.must("sh", "-ec", RESOLVER)
        outside.must(
            "sh", "-ec", "mkdir /run/www; echo elsewhere >/run/www/index.html; busybox httpd -p 8000 -h /run/www"
        )
        yield inside, outside


def compose(docker: Docker, program: Sequence[str], name: str, *words: str) -> None:
    up = PROJECTS[name]
    files = [word for file in up.compose_files for word in ("--file", str(FOLDER / name / file))]
    profiles = [word for profile in up.profiles for word in ("--profile", profile)]
    command = [*program, "--host", docker.host, "--project-name", project_name(name), *files, *profiles, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=FOLDER / name)
    assert done.returncode == 0, done.stderr


def up(docker: Docker, program: Sequence[str], name: str) -> Project:
    """Start a project; `docker-compose down` ends it."""
    for network, subnet in PROJECTS[name].networks.items():
        docker("network", "create", "--subnet", subnet, network)
    compose(docker, program, name, "up", "--detach")
    ids = docker("ps", "--quiet", "--filter", f"label={LABEL}.project={project_name(name)}").split()
    containers = [container(name, each) for each in json.loads(docker("inspect", *ids))]
    listed = sorted(containers, key=lambda each: each.name)
    return Project(listed, names(name, [each.name for each in listed]), ports(PROJECTS[name]), PROJECTS[name].files)


def container(name: str, said: dict[str, Any]) -> Container:
    labels = said["Config"]["Labels"]
    prefix = f"{project_name(name)}_"
    return Container(
        f"{labels[f'{LABEL}.service']}-{labels[f'{LABEL}.container-number']}",
        said["State"]["Pid"],
        [said["Id"][:12]],
        {
            network.removeprefix(prefix): [each[key] for key in ("IPAddress", "GlobalIPv6Address") if each[key]]
            for network, each in said["NetworkSettings"]["Networks"].items()
        },
    )


def gateways(docker: Docker) -> dict[str, str]:
    networks = json.loads(docker("network", "inspect", *docker("network", "ls", "--quiet").split()))
    return {
        config.get("Gateway") or str(ip_network(config["Subnet"])[1]): f"the machine@{each['Name'].rpartition('_')[2]}"
        for each in networks
        for config in each["IPAM"]["Config"] or ()
    }


def seen_by_docker(program: Sequence[str], wanted: Sequence[str], archive: Path) -> dict[str, dict[str, Any]]:
    """What the containers of projects see under docker-compose, all at once."""
    with machine_beside_a_server() as (inside, outside), docker_daemon(machine=inside) as docker:
        docker("load", "--input", archive)
        projects = {name: up(docker, program, name) for name in wanted}
        wait_for_servers(projects)
        labels = {**gateways(docker), **MACHINE}
        found = views(projects, labels, inside.pid, outside.pid)
        for name in wanted:
            compose(docker, program, name, "down", "--timeout", "0", "--volumes")
    return found


def wait_for_servers(projects: dict[str, Project]) -> None:
    """Until each container has written what its server answers."""
    for project in projects.values():
        for each in project.containers:
            wait_until(lambda: serves(each.pid), f"{each.name} serves nothing")  # noqa: B023 -- waited for here


def serves(pid: int) -> bool:
    """Whether the process has become the web server, which listens before long."""
    return "httpd" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:2]
