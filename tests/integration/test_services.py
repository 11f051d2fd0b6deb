"""Ten real services, first under a real dockerd, then inspected, imported, built and run by runc: all is as it was, be
the root filesystem a directory or an image. From the image, crun runs them, too.
"""

import json
import shlex
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bundler, installed
from tests.support.docker import Docker
from tests.support.inside import differences, named, observe
from tests.support.runtime import Ended, call, program_of
from tests.support.service_images import IMAGES
from tests.support.services import SERVICES, VOLUMES, write_files
from tests.support.waiting import awaited

TOOLS = ("dockerd", "docker", "docker-init", "runc", "crun", "debootstrap", "umoci", "apt-get", "nsenter")
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]
# Who comes later, by docker exec or runc exec: many servers write over the variables that they were started with. Of
# open files only the higher limit is compared: older runc at times leaves the lower one as Go's start has raised it.
EXECUTED = """
    id; pwd; umask; ulimit -a | grep -v '^open files'; ulimit -Hn; env
    grep -E '^(Cap|Groups|NoNewPrivs|Seccomp:)' /proc/self/status
"""


@pytest.fixture(scope="module")
def saved(docker: Docker, services: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All images as this dockerd saves them."""
    archive = tmp_path_factory.mktemp("services") / "saved.tar"
    docker("save", "--output", archive, *(f"services/{name}:1" for name in IMAGES))
    yield archive
    docker("volume", "rm", "--force", *VOLUMES)
    archive.unlink()


def answer(pid: int, client: str) -> str:
    """What the client hears, once somebody is there."""
    command = ["nsenter", "--target", str(pid), "--mount", "--net", "bash", "-euc", client]
    heard: list[Ended] = []

    def is_heard() -> bool:
        heard.append(call(command))
        return heard[-1].exit_code == 0

    assert awaited(is_heard, pause=0.1), heard[-1].stderr
    return heard[-1].stdout


@contextmanager
def in_docker(docker: Docker, words: list[str]) -> Iterator[str]:
    """A running container's id."""
    container = docker("run", "--detach", *words)
    try:
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


@contextmanager
def started(bundle: Path, name: str, runtime: str = "runc") -> Iterator["subprocess.Popen[bytes]"]:
    """The runtime in the foreground; its container's first process has its number in a file beside the bundle."""
    words = ["run", "--runtime", runtime, "--id", name, "--pid-file", f"{bundle}.pid"]
    Path(f"{bundle}.pid").unlink(missing_ok=True)
    with (
        Path(f"{bundle}.log").open("wb") as log,
        subprocess.Popen([installed(), *words, bundle], stdin=subprocess.DEVNULL, stdout=log, stderr=log) as running,
    ):
        try:
            while not Path(f"{bundle}.pid").exists():
                assert running.poll() is None, Path(log.name).read_text()
                time.sleep(0.05)
            yield running
        finally:
            call([runtime, "delete", "--force", name])


def seen_in_docker(docker: Docker, container: str, client: str) -> dict[str, Any]:
    pid = int(docker("inspect", "--format", "{{.State.Pid}}", container))
    seen = {"answer": answer(pid, client)} | observe(pid)
    seen["executed"] = sorted(named(docker("exec", container, "bash", "-c", EXECUTED)).splitlines())
    docker("stop", "--time", "60", container)
    return seen | {"exit code": int(docker("inspect", "--format", "{{.State.ExitCode}}", container))}


def seen_in_runc(bundle: Path, client: str) -> dict[str, Any]:
    name = f"bundler-service-{uuid.uuid4().hex[:12]}"
    with started(bundle, name) as running:
        pid = int(Path(f"{bundle}.pid").read_text())
        seen = {"answer": answer(pid, client)} | observe(pid)
        seen["executed"] = sorted(named(call(["runc", "exec", name, "bash", "-c", EXECUTED]).stdout).splitlines())
        lifecycle = json.loads((bundle / "bundler.json").read_bytes())["lifecycle"]
        running.send_signal(signal.Signals[lifecycle.get("stop_signal", "SIGTERM")])
        return seen | {"exit code": running.wait()}


def answer_under_crun(bundle: Path, client: str) -> str:
    """What the client hears; after a signal that stops the service, nothing is mounted of the image any more."""
    with started(bundle, f"bundler-service-{uuid.uuid4().hex[:12]}", program_of("crun", bundle.parent)) as running:
        heard = answer(int(Path(f"{bundle}.pid").read_text()), client)
        lifecycle = json.loads((bundle / "bundler.json").read_bytes())["lifecycle"]
        running.send_signal(signal.Signals[lifecycle.get("stop_signal", "SIGTERM")])
        running.wait()
    return heard


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_moves_in_from_docker(docker: Docker, saved: Path, tmp_path: Path, name: str) -> None:
    service = SERVICES[name]
    write_files(tmp_path)
    flags = shlex.split(service.flags.format(folder=tmp_path))
    with in_docker(docker, [*flags, f"services/{name}:1", *shlex.split(service.command)]) as container:
        (tmp_path / "inspect.json").write_text(docker("inspect", container))
        under_docker = seen_in_docker(docker, container, service.client)
    image = f"docker-archive:{saved}:services/{name}:1"
    for form in ("dir", "erofs"):
        bundle = tmp_path / form
        options = ("--from-inspect", tmp_path / "inspect.json", "--target", "host", "--rootfs", form)
        bundler("build", image, *options, "--output", bundle)
        in_bundle = seen_in_runc(bundle, service.client)
        assert service.answer in in_bundle["answer"]
        found = differences(under_docker, in_bundle)
        if form == "erofs":  # dockerd's root may be an overlay, too
            of_root = "erofs ro " if "--read-only" in service.flags else "overlay rw "
            assert found.pop("/mounts//", ("", of_root))[1].startswith(of_root)
        assert found == {}
    if "--device-cgroup-rule" not in flags:  # crun 1.8 has no word for all minor numbers that version 1 takes
        assert service.answer in answer_under_crun(tmp_path / "erofs", service.client)
    assert (tmp_path / "erofs/upper").exists() == ("--read-only" not in service.flags)
    for form in ("dir", "erofs"):
        shutil.rmtree(tmp_path / form)
