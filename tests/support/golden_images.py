"""Five images that between them have everything Docker's defaults depend on, made from this machine's busybox.

`plain` states nothing at all; `full` states everything and names its user; `numeric` has a user that no passwd knows
and a working directory that no layer but the last has; `weird` has whiteouts, a fifo, a setuid file, a volume behind
a symlink and environment names that Docker itself sets; `bare` is one file without any /etc.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.tarballs import Member, directory, fifo, file, opaque, symlink, tarball, whiteout

BASE_TIME = 1700000000 * 10**9
TIME = 1795431607 * 10**9
CREATED = "2026-11-23T11:00:07.391864969Z"
DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
app:x:1001:1002:App User:/srv/app:/bin/sh
nohome:x:1010:1010::/nonexistent:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = """\
root:x:0:
daemon:x:1:
wheel:x:10:root
audio:x:29:app,daemon
video:x:44:app
app:x:1002:
extra:x:2001:app,nohome
nohome:x:1010:
nogroup:x:65534:
"""
ENTRY = """\
#!/bin/sh
# keeps running whatever CMD is, so that the container stays up for inspection
exec sleep 100000
"""
APP = (1001, 1002)

# What Docker writes into an image config's `config` where the Dockerfile says nothing.
UNSTATED: Mapping[str, Any] = {
    "Hostname": "", "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": False, "AttachStderr": False,
    "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": None, "Cmd": None, "Image": "", "Volumes": None,
    "WorkingDir": "", "Entrypoint": None, "OnBuild": None, "Labels": None,
}  # fmt: skip

STATED: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "full": {
        "User": "app",
        "ExposedPorts": {"53/udp": {}, "8080/tcp": {}, "8443/tcp": {}},
        "Env": [
            "PATH=/opt/app/bin:/usr/bin:/bin",
            "APP_MODE=production",
            "GREETING=hello world",
            "EMPTY=",
            "LANG=C.UTF-8",
        ],
        "Cmd": ["serve", "--port", "8080"],
        "Healthcheck": {"Test": ["CMD", "/bin/true"], "Interval": 30 * 10**9, "Timeout": 5 * 10**9, "Retries": 3},
        "Volumes": {"/data": {}, "/var/cache/app": {}},
        "WorkingDir": "/srv/app",
        "Entrypoint": ["/entry.sh", "--flag"],
        "Labels": {"com.example.tier": "backend", "org.opencontainers.image.title": "golden full"},
        "StopSignal": "SIGQUIT",
    },
    "numeric": {
        "User": "1234:5678",
        "Env": [DEFAULT_PATH, "A=3", "B=two"],
        "Cmd": ["/bin/sh", "-c", 'sleep 100000 && echo "$HOME"'],
        "WorkingDir": "/does/not/exist/yet",
    },
    "weird": {
        "User": "app:audio",
        "Env": [DEFAULT_PATH, "TERM=dumb", "HOME=/custom", "HOSTNAME=fromimage", "NOVALUE="],
        "Cmd": ["ignored", "by", "shell", "entrypoint"],
        "Volumes": {"/linkdir/vol": {}, "/opq": {}},
        "WorkingDir": "/rel/path",
        "Entrypoint": ["/bin/ash", "-eo", "pipefail", "-c", "sleep 100000"],
        "OnBuild": ["RUN echo never"],
        "Shell": ["/bin/ash", "-eo", "pipefail", "-c"],
    },
    "bare": {"Env": [DEFAULT_PATH], "Cmd": ["/busybox", "sleep", "100000"]},
}
NAMES = tuple(STATED)


@dataclass(frozen=True)
class GoldenImage:
    """An image: its uncompressed layers, lowest first, and the bytes of its config."""

    name: str
    layers: tuple[bytes, ...]
    config: bytes

    @property
    def repository(self) -> str:
        return f"golden/{self.name}"


@cache
def busybox() -> Path:
    """This machine's busybox. It must be a static one: the images hold no library."""
    found = shutil.which("busybox")
    if found is None or b"/ld-" in Path(found).read_bytes()[:4096]:
        raise RuntimeError("a static busybox is needed: apt install busybox-static")
    return Path(found)


@cache
def base_layer() -> bytes:
    """What `plain` is, and what the others but `bare` start from."""
    applets = subprocess.run([busybox(), "--list"], capture_output=True, check=True, text=True).stdout.split()
    directories = [
        *("bin", "dev", "etc", "home", "lib", "proc", "sbin", "sys", "usr", "usr/bin", "usr/sbin", "var", "var/run"),
        *("root", "tmp", "var/tmp"),
    ]
    modes = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
    members = [
        *(directory(f"./{name}/", modes.get(name, 0o755), mtime=BASE_TIME) for name in ["", *directories]),
        file("./bin/busybox", busybox().read_bytes(), 0o755, mtime=BASE_TIME),
        *(symlink(f"./bin/{name}", "/bin/busybox", mtime=BASE_TIME) for name in applets if name != "busybox"),
        file("./etc/group", GROUP, mtime=BASE_TIME),
        file("./etc/passwd", PASSWD, mtime=BASE_TIME),
    ]
    return tarball(*members)


def changesets(name: str) -> list[list[Member]]:
    """What lies above the base layer, per layer."""
    if name == "full":
        return [[file("entry.sh", ENTRY, 0o755, mtime=TIME)], full_files()]
    if name == "numeric":
        return [
            [directory(path, mtime=TIME) for path in ("does/", "does/not/", "does/not/exist/", "does/not/exist/yet/")]
        ]
    if name == "weird":
        return [*weird_files(), [directory("rel/", mtime=TIME), directory("rel/path/", mtime=TIME)]]
    return []


def full_files() -> list[Member]:
    return [
        directory("data/", 0o750, owner=APP, mtime=TIME),
        file("data/seed.txt", "seed\n", owner=APP, mtime=TIME),
        *(directory(path, mtime=TIME) for path in ("opt/", "opt/app/", "opt/app/bin/", "srv/", "srv/app/")),
        file("srv/app/file", mtime=TIME),
        symlink("srv/link", "/srv/app", mtime=TIME),
    ]


def weird_files() -> list[list[Member]]:
    first = [
        directory("a/", mtime=TIME),
        directory("a/b/", mtime=TIME),
        file("a/b/gone", "x\n", mtime=TIME),
        file("a/b/stays", "y\n", mtime=TIME),
        directory("keep/", mtime=TIME),
        symlink("linkdir", "/keep", mtime=TIME),
        directory("opq/", mtime=TIME),
        file("opq/old", "1\n", mtime=TIME),
    ]
    second = [
        directory("a/", mtime=TIME),
        directory("a/b/", mtime=TIME),
        whiteout("a/b/gone"),
        directory("bin/", mtime=BASE_TIME),
        file("bin/busybox", busybox().read_bytes(), 0o4755, mtime=BASE_TIME),
        directory("keep/", owner=(1001, 2001), mtime=TIME),
        fifo("keep/fifo", mtime=TIME),
        directory("opq/", mtime=TIME),
        opaque("opq"),
        file("opq/new", "2\n", mtime=TIME),
    ]
    return [first, second]


@cache
def golden_image(name: str) -> GoldenImage:
    if name == "bare":
        layers = [tarball(file("busybox", busybox().read_bytes(), 0o755, mtime=TIME))]
    else:
        layers = [base_layer(), *(tarball(*members) for members in changesets(name))]
    return GoldenImage(name, tuple(layers), image_config({**UNSTATED, **STATED[name]}, layers))


def image_config(stated: Mapping[str, Any], layers: list[bytes]) -> bytes:
    document = {
        "architecture": "amd64",
        "config": stated,
        "created": CREATED,
        "docker_version": "28.5.2",
        "history": [{"created": CREATED, "created_by": f"layer {number}"} for number, _ in enumerate(layers)],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
    }
    return json.dumps(document, separators=(",", ":")).encode()
