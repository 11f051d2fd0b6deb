"""Projects of several containers: what they see as bundles is what a real dockerd has let them see.

What dockerd gave is recorded beside each compose file by scripts/capture-compose; here, it is compared. Some projects
are started by this machine's dockerd, too, so that the recording is known to be of what a dockerd gives.
"""

import fnmatch
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bundler.project.record import ProjectRecord
from tests.support.command import bundler, installed
from tests.support.compose_daemon import machine_beside_a_server, seen_by_docker, wait_for_servers
from tests.support.compose_differences import DIFFERENCES, differing, unexpected
from tests.support.compose_projects import FOLDER, MACHINE, PROJECTS, names, ports, project_name, recorded
from tests.support.container_views import Container, Project, views
from tests.support.machine import Machine
from tests.support.waiting import awaited

PLUGINS = "/usr/lib/cni/portmap"
TOOLS = ("runc", "iptables", "ip", "nsenter", "flock", "busybox", PLUGINS)
pytestmark = [pytest.mark.root, pytest.mark.slow, *(pytest.mark.tool(name) for name in TOOLS)]
LIVE = ("internal", "networks")
OLDER = "*/names/cmp-*"  # docker-compose 1 calls containers otherwise


@pytest.fixture(scope="module")
def archive(golden_archives: dict[str, Path]) -> Path:
    return golden_archives["docker20"]


@pytest.fixture(scope="module")
def seen(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What all containers of all projects see as bundles: they run beside each other, on one machine."""
    folder = tmp_path_factory.mktemp("projects")
    made = {name: build(name, archive, folder) for name in PROJECTS}
    with machine_beside_a_server() as (machine, elsewhere), running(machine, made):
        projects = {name: project(machine, name, made[name]) for name in PROJECTS}
        wait_for_servers(projects)
        labels = {**gateways(made), **MACHINE}
        return views(projects, labels, machine.pid, elsewhere.pid)


def build(name: str, archive: Path, folder: Path) -> Path:
    """The project, from a copy of its files that names images of the archive."""
    shutil.copytree(FOLDER / name, folder / name)
    for file in (folder / name).rglob("*.yaml"):
        file.write_text(file.read_text().replace("image: golden/", f"image: docker-archive:{archive}:golden/"))
    up, output = PROJECTS[name], folder / project_name(name)
    first, *others = (folder / name / file for file in up.compose_files)
    words: list[str | Path] = [word for file in others for word in ("-f", file)]
    words += ["--env-file", folder / name / ".env"] if (folder / name / ".env").exists() else []
    words += [f"--network={network}={network}:{subnet}" for network, subnet in up.networks.items()]
    words += [word for profile in up.profiles for word in ("--profile", profile)]
    bundler("project", first, *words, "--quiet", "--name", project_name(name), "--output", output)
    return output


@contextmanager
def running(machine: Machine, made: Mapping[str, Path]) -> Iterator[None]:
    """All projects, until what is done here has been done."""
    foreground = [
        subprocess.Popen([*machine.enter, installed(), "run", folder], stdout=subprocess.DEVNULL)
        for name, folder in made.items()
        if PROJECTS[name].foreground
    ]
    bundles = [
        folder / bundle.name
        for name, folder in made.items()
        if not PROJECTS[name].foreground
        for bundle in ProjectRecord.open(folder).bundles
    ]
    try:
        for bundle in bundles:
            started = machine.start(bundle, container_name(bundle))
            assert started.exit_code == 0, started.stderr
        yield
    finally:
        for process in foreground:
            process.terminate()
        for process in foreground:
            process.wait()


def project(machine: Machine, name: str, made: Path) -> Project:
    """Its containers, once all run that ran under Docker."""
    record = ProjectRecord.open(made)
    bundles = {each.name if each.name != each.service else f"{each.name}-1": each for each in record.bundles}
    containers = [
        Container(
            label,
            pid(machine, container_name(made / bundles[label].name)),
            [f"{record.name}-{bundles[label].name}"],
            {
                network: [str(each) for each in (place.address, place.address6) if each is not None]
                for network, place in bundles[label].networks.items()
            },
        )
        for label in sorted(bundles)
        if label in recorded(name)
    ]
    return Project(containers, names(name, sorted(bundles)), ports(PROJECTS[name]), PROJECTS[name].files)


def container_name(bundle: Path) -> str:
    return str(json.loads((bundle / "bundler.json").read_text())["lifecycle"]["container_name"])


def pid(machine: Machine, name: str) -> int:
    """That of a container, once it is there."""
    state = Path(f"/proc/{machine.pid}/root/run/runc/{name}/state.json")

    def process() -> int:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return int(json.loads(state.read_text())["init_process_pid"])
        return 0

    number = awaited(process)
    assert number != 0, f"{name} has not been started"
    return number


def gateways(made: Mapping[str, Path]) -> dict[str, str]:
    networks = [pair for folder in made.values() for pair in ProjectRecord.open(folder).networks.items()]
    return {
        str(side.gateway): f"the machine@{name}"
        for name, network in networks
        for side in (network, network.ipv6)
        if side is not None
    }


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_sees_what_it_sees_under_docker(seen: dict[str, dict[str, Any]], name: str) -> None:
    assert unexpected(differing(recorded(name), seen[name], name)) == []


def test_what_differs_does_so(seen: dict[str, dict[str, Any]]) -> None:
    paths = [path for name in PROJECTS for path, *_ in differing(recorded(name), seen[name], name)]
    unused = [
        pattern for patterns in DIFFERENCES.values() for pattern in patterns if not fnmatch.filter(paths, pattern)
    ]
    assert unused == []


@pytest.mark.tool("dockerd", "docker", "docker-compose")
def test_what_is_recorded_is_what_a_dockerd_gives(archive: Path) -> None:
    found = seen_by_docker(["docker-compose"], LIVE, archive)
    for name in LIVE:
        assert [each for each in differing(recorded(name), found[name]) if not fnmatch.fnmatch(each[0], OLDER)] == []
