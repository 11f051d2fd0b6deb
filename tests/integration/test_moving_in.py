"""The way of docs/recipes.md from Docker to a machine without it, followed line by line."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.booted import PACKAGES, Booted, booted, systemd_root
from tests.support.command import installed
from tests.support.debian import run
from tests.support.docker import Docker
from tests.support.machine import Machine
from tests.support.pages import blocks

TOOLS = ("dockerd", "docker", "debootstrap", "umoci", "apt-get", "nsenter", "unshare", "ip")
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]
RUN_HERE = "tests/integration/test_moving_in.py"
PAGE = Path(__file__).parents[2] / "docs/recipes.md"
ON_DOCKERS, ON_BUNDLERS, ON_THE_NEW = (block.text for block in blocks(PAGE) if block.reason == RUN_HERE)
(COPY,) = re.findall(r"`(docker cp [^`]+)`", PAGE.read_text())
UNITS = "etc/systemd/system"
# Nothing of whoever runs the tests.
BARE = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")


def follow(lines: str, folder: Path, docker: Docker) -> None:
    """Run the lines as they stand, where there are Docker and bundler."""
    path = f"/usr/bin:{Path(installed()).parent}:{os.environ['PATH']}"
    environment = os.environ | {"DOCKER_HOST": docker.host, "PATH": path}
    subprocess.run(["bash", "-euxc", lines], cwd=folder, env=environment, check=True, timeout=240)


@pytest.fixture
def kit(docker: Docker, services: Path, tmp_path: Path) -> Iterator[Path]:
    """What is carried away from a running container of Docker's."""
    docker("tag", "services/nginx:1", "nginx:1.27")
    words = "--name web -p 8080:80 -v cache:/var/cache/nginx --restart unless-stopped --memory 64m --health-cmd true"
    container = docker("run", "--detach", *words.split(), "nginx:1.27")
    docker("exec", container, "sh", "-euc", "echo kept >/var/cache/nginx/page; chown www-data /var/cache/nginx/page")
    try:
        follow(ON_DOCKERS, tmp_path, docker)
        build, pack = ON_BUNDLERS[: ON_BUNDLERS.index("bundler pack")], "bundler pack web --kit -o kit\n"
        assert build + pack == ON_BUNDLERS
        follow(f"{build}\n{COPY}\n{pack}", tmp_path, docker)
    finally:
        docker("rm", "--force", "--volumes", container)
        docker("volume", "rm", "--force", "cache")
    yield tmp_path / "kit"
    shutil.rmtree(tmp_path / "web")


@pytest.fixture
def root(debian: Path, cache: Path, tmp_path: Path) -> Iterator[Path]:
    """Debian's smallest system with systemd, and the packages that the page names."""
    root = systemd_root(debian, cache, tmp_path)
    install, *_ = ON_THE_NEW.splitlines()
    words = shlex.split(install)
    assert words[:3] == ["apt-get", "install", "--no-install-recommends"]
    assert set(words[3:]) < set(PACKAGES)
    unnamed = set(PACKAGES) - {"systemd", *words[3:]} - {"iproute2"}  # which the image has because of nginx
    run("dpkg", f"--root={root}", "--purge", *unnamed)
    assert [path.name for path in (root / "usr/bin").iterdir() if "python" in path.name] == []
    yield root
    shutil.rmtree(root)


def when_it_serves(fresh: Booted, url: str) -> str:
    return Machine(fresh.pid, mounts=False).get_once_it_serves(url)


def test_the_recipe_is_followed_to_a_running_service(kit: Path, root: Path) -> None:
    kit.rename(root / "home/kit")
    _, *lines = ON_THE_NEW.splitlines()
    with booted(root) as fresh:
        fresh.must(*BARE, "sh", "-euc", "\n".join(["cd /home", *lines]))
        assert sorted(path.name for path in (root / UNITS).glob("web*")) == [
            "web-health.service",
            "web-health.timer",
            "web.service",
        ]
        assert "served from a bundle" in when_it_serves(fresh, "http://127.0.0.1:8080/")
        seen = fresh.must("runc", "exec", "web", "stat", "--format", "%U %s", "/var/cache/nginx/page")
        assert seen == "www-data 5\n"
        fresh.must("systemctl", "start", "web-health.service")
        assert fresh.shown("web-health", "Result", "ConditionResult") == {"Result": "success", "ConditionResult": "yes"}
        fresh.must("systemctl", "stop", "web")
        assert fresh.shown("web", "Result")["Result"] == "success"
        assert fresh.must("runc", "list", "--quiet") == ""
