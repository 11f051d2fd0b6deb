"""Six services under a real dockerd, and moved to a machine with systemd and runc alone, by the documented way."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.booted import booted, systemd_root
from tests.support.command import bundler
from tests.support.docker import Docker
from tests.support.machine import CABLE, Machine, machine
from tests.support.moved_services import SERVICES, write_files
from tests.support.operating import UnderDocker, UnderSystemd, called, for_each, life, tell, words_of
from tests.support.service_images import WITH_DATA

TOOLS = ("dockerd", "docker", "docker-init", "debootstrap", "umoci", "apt-get", "nsenter", "unshare", "ip")
pytestmark = [pytest.mark.root, pytest.mark.tool(*TOOLS, "/usr/bin/tini-static")]
# What docs/from-docker.md tells to say for published ports, and what the warning about --init tells.
OVERRIDES = {
    "network": "network_mode: bridge\n",
    "init": "init: {path: /usr/bin/tini-static, embed: true}\n",
}


@dataclass(frozen=True)
class Carried:
    """The kit of each service, what happened to it under Docker, and what makes a newer bundle of it."""

    kits: dict[str, Path]
    lives: dict[str, dict[str, Any]]
    newer: dict[str, list[str | Path]]


@pytest.fixture(scope="module")
def settings() -> Iterator[Path]:
    """The folder whose files the services mount; it is at the same path on both machines."""
    folder = Path(tempfile.mkdtemp(prefix="settings-", dir="/var/tmp"))
    folder.chmod(0o755)
    write_files(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def carried(
    docker: Docker, services: Path, settings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Carried]:
    folder = tmp_path_factory.mktemp("carried")
    archive = folder / "images.tar"
    docker("save", "--output", archive, *(f"services/{name}:1" for name in SERVICES))
    for key, text in OVERRIDES.items():
        (folder / f"{key}.yaml").write_text(text)
    operator = UnderDocker(docker, settings)

    def moved(name: str) -> tuple[Path, dict[str, Any]]:
        operator.run(name)
        tell(operator, name, "first")
        packed = kit(operator, name, archive, folder)
        operator.start(name)
        return packed, life(operator, name)

    try:
        seen = for_each(moved, SERVICES)
        yield Carried(
            {name: kit for name, (kit, _) in seen.items()},
            {name: life for name, (_, life) in seen.items()},
            {name: [f"docker-archive:{services}:services/{name}:2", *settled(name, folder)] for name in WITH_DATA},
        )
    finally:
        docker("rm", "--force", "--volumes", *map(called, SERVICES))
        docker("volume", "rm", *(service.volume.partition(":")[0] for service in SERVICES.values() if service.volume))
    shutil.rmtree(folder)


def kit(operator: UnderDocker, name: str, archive: Path, folder: Path) -> Path:
    """Inspected, built with what was said of it, its volume copied while it is stopped, and packed."""
    bundle = folder / name
    (folder / f"{name}.json").write_text(operator.docker("inspect", called(name)))
    bundler("build", f"docker-archive:{archive}:services/{name}:1", *settled(name, folder), "--output", bundle)
    operator.stop(name)
    if SERVICES[name].volume:
        volume, _, target = str(SERVICES[name].volume).partition(":")
        copy = 'docker --host "$0" cp "$1:$2/." - | tar -xp --numeric-owner -C "$3"'
        words = (operator.docker.host, called(name), target, bundle / "volumes" / volume)
        subprocess.run(["sh", "-euc", copy, *words], check=True, timeout=120)
    bundler("pack", bundle, "--kit", "--level", "1", "--name", called(name), "--output", folder / f"{name}-kit")
    shutil.rmtree(bundle)
    return folder / f"{name}-kit"


def settled(name: str, folder: Path) -> list[str | Path]:
    """How it is built: what Docker said of it, and what is said besides."""
    words: list[str | Path] = ["--from-inspect", folder / f"{name}.json", "--overrides", folder / "network.yaml"]
    return [*words, "--overrides", folder / "init.yaml"] if "--init" in SERVICES[name].flags else words


@pytest.fixture(scope="module")
def root(debian: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return systemd_root(debian, cache, tmp_path_factory.mktemp("systemd"))


@contextmanager
def connected(root: Path, carried: Carried) -> Iterator[UnderSystemd]:
    """The machine, booted, with a cable to another one."""
    with booted(root) as up, machine() as outside:
        Machine(up.pid, mounts=False).must("sh", "-ec", CABLE.format(outside=outside.pid))
        yield UnderSystemd(up, outside, carried.newer)


def test_services_live_as_under_docker(carried: Carried, root: Path, settings: Path) -> None:
    shutil.copytree(settings, root / settings.relative_to("/"))
    for name, folder in carried.kits.items():
        shutil.move(folder, root / "home" / name)
    with connected(root, carried) as operator:
        for_each(lambda name: operator.machine.must("sh", f"/home/{name}/kit.sh", "install"), SERVICES)
        operator.machine.must("systemctl", "daemon-reload")
        operator.machine.must("systemctl", "enable", "--now", *map(called, SERVICES))
        lives = for_each(partial(life, operator), SERVICES)
    assert lives == carried.lives
    with connected(root, carried) as operator:  # after what was a power cut to its processes
        words = for_each(partial(words_of, operator), SERVICES)
    assert words == {name: seen["in the end"] for name, seen in lives.items()}
