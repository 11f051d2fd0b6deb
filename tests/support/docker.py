"""A real Docker daemon of our own: it knows no other images, has no network, and is gone with the tests."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 30


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
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120, text=True)
        return done.stdout.strip()


def answers(docker: Docker) -> bool:
    try:
        docker("version")
    except subprocess.CalledProcessError:
        return False
    return True


@contextmanager
def docker_daemon() -> Iterator[Docker]:
    """Start dockerd in a directory of its own, and end it and all it started."""
    # A socket's path may have 107 bytes, and containerd's lies deep below: pytest's own directories are too long.
    directory = Path(tempfile.mkdtemp(prefix="dockerd-", dir="/tmp"))
    docker = Docker(directory / "docker.sock")
    command: list[str | Path] = [
        "dockerd",
        *("--host", docker.host),
        *("--data-root", directory / "data"),
        *("--exec-root", directory / "exec"),
        *("--pidfile", directory / "pid"),
        *("--storage-driver", "vfs"),  # overlayfs does not stack on the overlayfs that CI may run on
        *("--iptables=false", "--ip6tables=false", "--bridge=none"),
    ]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as daemon:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (docker.socket.exists() and answers(docker)):
                if daemon.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("dockerd did not start:\n" + (directory / "log").read_text())
                time.sleep(0.1)
            yield docker
        finally:
            stop(daemon)
    unmount_below(directory)
    shutil.rmtree(directory)


def stop(daemon: subprocess.Popen[bytes]) -> None:
    """End dockerd as its service would: it then ends its containers and its containerd."""
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()


def unmount_below(directory: Path) -> None:
    """Detach what a daemon that was killed left mounted, or removing the directory would reach into it."""
    with Path("/proc/self/mounts").open() as mounts:
        points = [line.split()[1] for line in mounts]
    for point in sorted(points, reverse=True):
        if point.startswith(f"{directory}{os.sep}"):
            subprocess.run(["umount", "--lazy", point], check=True)
