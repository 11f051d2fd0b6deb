"""A real Docker daemon of our own: it knows no other images, has no network, and is gone with the tests."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.machine import Machine
from tests.support.waiting import SECONDS, awaited

# IPv6 as it is from Docker 27 on by default.
WITH_NETWORKS = ("--experimental", "--ip6tables")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class Docker:
    """The client of one daemon; a call is a command: `docker("load", "--input", "image.tar")`."""

    socket: Path

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def __call__(self, *arguments: str | Path) -> str:
        """Run a docker command to its end and return what it printed. Raises CalledProcessError."""
        # Debian's client is the daemon's own version; one of another version may stand before it on PATH.
        client = shutil.which("docker", path="/usr/bin") or "docker"
        command = [client, "--host", self.host, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=SECONDS, text=True)
        return done.stdout.strip()

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The answer of the daemon's API, for what is asked often: starting a client takes most of the time."""
        connection = _Connection(self.socket)
        try:
            kind = "application/x-tar" if path.startswith("/images/load") else "application/json"
            connection.request(method, path, body, {"Content-Type": kind} if body else {})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:300]!r}")
        return content


def storage_driver(directory: Path) -> str:
    """overlay2, unless the files of `directory` are themselves in an overlay, as those of a CI's container are."""
    layers = [directory / name for name in ("lower", "upper", "work", "merged")]
    for layer in layers:
        layer.mkdir()
    lower, upper, work, merged = layers
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mounted = subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", merged], check=False)
    if mounted.returncode == 0:
        subprocess.run(["umount", merged], check=True)
    return "vfs" if mounted.returncode else "overlay2"


def answers(docker: Docker) -> bool:
    try:
        docker("version")
    except subprocess.CalledProcessError:
        return False
    return True


@contextmanager
def docker_daemon(driver: str | None = None, machine: Machine | None = None) -> Iterator[Docker]:
    """Start dockerd in a directory of its own, and end it and all it started.

    `driver` is how it stores images: by default as it does where people have it, if this machine lets it. It has
    networks where a `machine` is given to it, which it changes.
    """
    # A socket's path may have 107 bytes, and containerd's lies deep below: pytest's own directories are too long.
    directory = Path(tempfile.mkdtemp(prefix="dockerd-", dir="/tmp"))
    docker = Docker(directory / "docker.sock")
    command: list[str | Path] = [
        *([] if machine is None else machine.enter),
        "dockerd",
        *("--host", docker.host),
        *("--data-root", directory / "data"),
        *("--exec-root", directory / "exec"),
        *("--pidfile", directory / "pid"),
        *("--storage-driver", driver or storage_driver(directory)),
        *(("--iptables=false", "--ip6tables=false", "--bridge=none") if machine is None else WITH_NETWORKS),
    ]
    try:
        with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as daemon:
            try:
                wait_for(docker, daemon)
                yield docker
            finally:
                stop(daemon)
    finally:
        unmount_below(directory)
        shutil.rmtree(directory)


def wait_for(docker: Docker, daemon: subprocess.Popen[bytes]) -> None:
    """Until the daemon answers. Raises RuntimeError if it ends before, or takes too long."""
    awaited(lambda: daemon.poll() is not None or (docker.socket.exists() and answers(docker)), pause=0.1)
    if daemon.poll() is not None or not answers(docker):
        raise RuntimeError("dockerd did not start:\n" + docker.socket.with_name("log").read_text())


def stop(daemon: subprocess.Popen[bytes]) -> None:
    """End dockerd as its service would: it then ends its containers and its containerd."""
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()


def unmount_below(directory: Path) -> None:
    """Detach what a daemon that was killed left mounted, or removing the directory would reach into it."""
    with Path("/proc/self/mounts").open() as mounts:
        points = [line.split()[1] for line in mounts]
    for point in sorted(points, reverse=True):
        if point.startswith(f"{directory}{os.sep}"):
            subprocess.run(["umount", "--lazy", point], check=True)
