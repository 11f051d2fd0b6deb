"""The same flags to podman and to docker: what podman's inspect says of its container gives the same config.json."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bundler
from tests.support.docker_save import FORMATS
from tests.support.golden_images import golden_image
from tests.support.image_files import layout_files, sample, sha256, write_archive

pytestmark = [pytest.mark.root, pytest.mark.tool("podman"), pytest.mark.tool("busybox")]

# Docker's capabilities, so that those which podman withholds by itself do not show.
CONTAINERS_CONF = """\
[containers]
default_capabilities = [
  "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
  "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"
]
"""
LINES = {
    "nothing": "",
    "process": "-t -e A=1 -e LANG=de -w /tmp -u app:audio --group-add 29 -h web1",
    "entrypoint": "--entrypoint /bin/sh --cap-drop ALL --cap-add CHOWN",
    "limits": "-m 256m --memory-swap 1g --cpus 1.5 --pids-limit 5 --ulimit nofile=256:512 --oom-score-adj 10 "
    "--shm-size 128m --cpuset-cpus 0",
    "mounts": "-v /tmp:/x:ro -v /var/tmp:/y/z:rslave -v named:/n --tmpfs /run:size=16m",
    "security": "--security-opt no-new-privileges --security-opt seccomp=unconfined --cap-add NET_ADMIN",
    "names": "--dns 9.9.9.9 --dns-search example.org --add-host db:10.0.0.5 --annotation a=b",
    "the machine's": "--network host --pid host --ipc host -h web1",
    "privileged": "--privileged",
    "device": "--device /dev/fuse:/dev/x",
}


@dataclass(frozen=True)
class Podman:
    """Podman with a store of its own. A call is a command, and gives what it printed."""

    folder: Path

    @property
    def archive(self) -> Path:
        """The image that its containers are made from."""
        return self.folder / "full.tar"

    def __call__(self, *words: str | Path) -> str:
        places = [f"--{name}={self.folder / name}" for name in ("root", "runroot", "tmpdir")]
        places += ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=none"]
        environment = os.environ | {"CONTAINERS_CONF": str(self.folder / "containers.conf")}
        command = ["podman", *places, *words]
        done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=120, text=True)
        return done.stdout.strip()


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    # A short path: below it lie sockets, whose paths may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="podman-", dir="/tmp") as folder:
        own = Podman(Path(folder))
        (own.folder / "containers.conf").write_text(CONTAINERS_CONF)
        own.archive.write_bytes(FORMATS["docker20"]([golden_image("full")]))
        own("load", "--input", own.archive)
        yield own


@pytest.mark.parametrize("line", LINES)
def test_inspect_gives_what_the_line_gives(line: str, podman: Podman, tmp_path: Path) -> None:
    words = [*LINES[line].split(), "golden/full:1", "serve", "a b"]
    container = podman("create", *words)
    (tmp_path / "web.json").write_text(podman("inspect", container))
    (tmp_path / "web.yaml").write_text(bundler("overrides", "from-docker-run", "--", *words))
    inspected = bundler("config", podman.archive, "--from-inspect", tmp_path / "web.json")
    asked = bundler("config", podman.archive, "--overrides", tmp_path / "web.yaml")
    assert comparable(json.loads(inspected)) == comparable(json.loads(asked))


def test_a_container_that_is_read_only_keeps_podmans_places_to_write_to(podman: Podman, tmp_path: Path) -> None:
    container = podman("create", "--read-only", "--tmpfs", "/x", "golden/full:1")
    (tmp_path / "web.json").write_text(podman("inspect", container))
    written = bundler("overrides", "from-inspect", tmp_path / "web.json", "--image", podman.archive)
    assert "read_only: true\n" in written
    assert "read_only_tmpfs: true\n" in written
    assert "tmpfs: [/x]\n" in written


def test_podman_loads_what_is_exported_and_what_it_saves_is_imported(podman: Podman, tmp_path: Path) -> None:
    images = {"registry.example/carried:1": sample(), "registry.example/other:2": sample(Cmd=["other"])}
    ids = {name: sha256(image.config) for name, image in images.items()}
    bundler("import", write_archive(tmp_path / "given.tar", layout_files(images)), "--store", tmp_path / "store")
    for number, name in enumerate(images):
        bundler("export", name, "-o", tmp_path / f"{number}.tar", "--store", tmp_path / "store")
        podman("load", "-q", "-i", tmp_path / f"{number}.tar")
    name, *_ = images
    podman("save", "-q", "--multi-image-archive", *images, "-o", tmp_path / "docker.tar")
    podman("save", "-q", "--format", "oci-archive", name, "-o", tmp_path / "oci.tar")
    podman("save", "-q", "--format", "oci-dir", name, "-o", tmp_path / "oci")
    for given, options in {"docker.tar": [], "oci.tar": [], "oci": ["--name", name]}.items():
        store = tmp_path / f"store-{given}"
        bundler("import", tmp_path / given, "--store", store, *options)
        rows = json.loads(bundler("images", "--json", "--store", store))["images"]
        wanted = ids if given == "docker.tar" else {name: ids[name]}
        assert {row["name"]: row["id"] for row in rows} == wanted


def comparable(config: dict[str, Any]) -> dict[str, Any]:
    """Podman writes variables, mounts and capabilities in any order."""
    config["process"]["env"].sort()
    config["mounts"].sort(key=lambda mount: str(mount["destination"]))
    for names in config["process"].get("capabilities", {}).values():
        names.sort()
    return config
