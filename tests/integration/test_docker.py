"""Side by side with a real dockerd: what it saves is what bundler reads, what it starts is what a bundle starts."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path, PurePath

import pytest

from tests.support.command import bundler
from tests.support.docker import Docker
from tests.support.golden_images import NAMES
from tests.support.mount_points import own_mount_points, without
from tests.support.runtime import run_instead
from tests.support.tree import Node, differences, tree

pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in ("dockerd", "docker", "runc", "busybox"))]
WITH_A_SHELL = [name for name in NAMES if name != "bare"]

# dockerd lays empty files and mount points over each container's root filesystem, and dates them.
MADE_BY_DOCKERD = {"", ".", ".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "etc", "proc", "sys"} | {
    f"etc/{name}" for name in ("hostname", "hosts", "mtab", "resolv.conf")
}

# Docker 28, whose defaults a bundle has, hides these from a container; 20.10 does not yet.
HIDDEN_SINCE = r"/proc/interrupts\|/sys/devices/virtual/powercap"

PROBE = f"""
    id; pwd; umask
    env | grep -v -e ^HOSTNAME= -e ^SHLVL= | sort
    grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status
    grep -c . /proc/self/uid_map
    ulimit -a
    cut -d' ' -f2,3 /proc/self/mounts | sed 's#^/ .*#/#' | grep -v '/sys/fs/cgroup/\\|{HIDDEN_SINCE}' | sort | uniq
"""


@pytest.fixture(scope="module")
def saved(docker: Docker, golden_archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All five images as this dockerd saves them, after it loaded them."""
    archive = tmp_path_factory.mktemp("saved") / "saved.tar"
    docker("load", "--input", golden_archives["docker20"])
    docker("save", "--output", archive, *(f"golden/{name}:1" for name in NAMES))
    return archive


@pytest.fixture(scope="module")
def bundles(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("bundles")
    (directory / "command.yaml").write_text("command: [sleep, '100000']\n")
    for name in NAMES:
        overrides: list[str | Path] = ["--overrides", directory / "command.yaml"] if name == "plain" else []
        bundler("build", f"docker-archive:{saved}:golden/{name}:1", "--output", directory / name, *overrides)
    return {name: directory / name for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_image_id_is_the_one_that_docker_shows(docker: Docker, saved: Path, name: str) -> None:
    shown = docker("image", "inspect", "--format", "{{.Id}}", f"golden/{name}:1")
    described = bundler("inspect", "--json", f"docker-archive:{saved}:golden/{name}:1")
    assert shown in {value for value in json.loads(described).values() if isinstance(value, str)}


@pytest.mark.parametrize("name", NAMES)
def test_the_root_filesystem_is_the_one_that_docker_exports(
    docker: Docker, bundles: dict[str, Path], tmp_path: Path, name: str
) -> None:
    container = docker("create", "--network", "none", f"golden/{name}:1", "true")
    docker("export", "--output", tmp_path / "export.tar", container)
    docker("rm", "--volumes", container)
    exported = tmp_path / "exported"
    exported.mkdir()
    subprocess.run(["tar", "-xpf", tmp_path / "export.tar", "--numeric-owner", "-C", exported], check=True)
    theirs, ours, own = tree(exported), tree(bundles[name] / "rootfs"), own_mount_points(bundles[name])
    # The directories above a new one are made with it, under Docker by the runtime.
    own |= {str(above) for path in own for above in PurePath(path).parents if str(above) not in theirs}
    assert differences(comparable(without(theirs, own)), comparable(without(ours, own))) == {}
    made = own & MADE_BY_DOCKERD
    assert made
    assert {path: undated(theirs[path]) for path in made} == {path: undated(ours[path]) for path in made}


def undated(node: Node) -> Node:
    return replace(node, mtime_ns=0)


def comparable(nodes: dict[str, Node]) -> dict[str, Node]:
    """Without what dockerd adds, and to the second, which is all that `docker export` keeps of times."""
    second = 10**9
    return {
        path: replace(node, mtime_ns=node.mtime_ns // second * second)
        for path, node in nodes.items()
        if path not in MADE_BY_DOCKERD
    }


@pytest.mark.parametrize("name", WITH_A_SHELL)
def test_a_process_sees_the_same_under_docker_and_in_the_bundle(
    docker: Docker, bundles: dict[str, Path], name: str
) -> None:
    image = f"golden/{name}:1"
    under_docker = docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image, "-c", PROBE)
    in_bundle = run_instead(bundles[name], ["/bin/sh", "-c", PROBE])
    assert in_bundle.stdout.splitlines() == under_docker.splitlines(), in_bundle.stderr


def test_an_image_is_read_from_a_running_daemon(
    docker: Docker, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.host)
    bundler("build", "docker-daemon:golden/full:1", "--output", tmp_path / "asked")
    bundler("build", f"docker-archive:{saved}:golden/full:1", "--output", tmp_path / "saved")
    for document in ("config.json", "bundler.json"):
        assert (tmp_path / "asked" / document).read_bytes() == (tmp_path / "saved" / document).read_bytes()
    assert differences(tree(tmp_path / "asked/rootfs"), tree(tmp_path / "saved/rootfs")) == {}


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_docker_takes_the_images_of_the_quick_tour(docker: Docker, architecture: str) -> None:
    image = Path(__file__).resolve().parents[2] / f"testdata/hello-{architecture}.tar"
    assert docker("load", "--input", image).endswith("Loaded image: hello:latest")
    assert docker("image", "inspect", "--format", "{{.Architecture}}", "hello:latest") == architecture
