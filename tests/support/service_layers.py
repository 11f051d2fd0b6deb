"""A Debian with all services, split into layers: what all of them share, and what one alone needs.

An image of one service has what it needs and little else, as those that people use: each container is a copy where
dockerd has no overlay2, and each bundle and kit is one, too.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.debian import run

# What is a service's own, but for the libraries that its programs are linked to.
PARTS: Mapping[str, tuple[str, ...]] = {
    "nginx": ("usr/sbin/nginx", "usr/lib/nginx", "usr/share/nginx"),
    "redis": ("usr/bin/redis-*",),
    "postgres": ("usr/lib/postgresql", "usr/share/postgresql"),
    "python": ("usr/bin/python3*", "usr/lib/python3*"),
    "memcached": ("usr/bin/memcached",),
    "mosquitto": ("usr/sbin/mosquitto", "usr/bin/mosquitto_*"),
    "sshd": ("usr/sbin/sshd", "usr/bin/ssh*", "usr/lib/openssh"),
    "dnsmasq": ("usr/sbin/dnsmasq",),
    "rsync": ("usr/bin/rsync",),
    "haproxy": ("usr/sbin/haproxy",),
}
# Those in whose containers a client or an application is a program of Python.
WITH_PYTHON = ("postgres", "memcached", "dnsmasq")
LIBRARIES = "usr/lib/*-linux-gnu"
# No program is linked to them: libraries load them by their names.
LOADED_BY_NAME = ("ld-linux*", "libgcc_s.so*", "libnss_*")


def layers_of(service: str) -> tuple[str, ...]:
    """The names of the layers of its image, the lowest first."""
    return ("base", *(("python",) if service in WITH_PYTHON else ()), service)


def split(tree: Path, folder: Path) -> dict[str, Path]:
    """Each layer's files in a folder of its own; `tree` becomes the lowest one's."""
    (libraries,) = tree.glob(LIBRARIES)
    own = {
        name: sorted(path for pattern in patterns for path in tree.glob(pattern)) for name, patterns in PARTS.items()
    }
    apart = {path for paths in own.values() for path in paths}
    linked = {name: linked_to(tree, libraries, paths) for name, paths in own.items()}
    common = linked_to(tree, libraries, (path for path in _programs(tree, libraries) if path not in apart))
    users = Counter(name for names in linked.values() for name in names)
    common |= {name for name, count in users.items() if count > 1}
    common |= {path.name for pattern in LOADED_BY_NAME for path in libraries.glob(pattern)}
    for service, paths in own.items():
        (folder / service).mkdir()
        _move([*paths, *(libraries / name for name in sorted(linked[service] - common))], tree, folder / service)
    for path in libraries.glob("*.so*"):
        if path.name not in common:
            path.unlink()
    return {"base": tree, **{service: folder / service for service in PARTS}}


def linked_to(tree: Path, libraries: Path, paths: Iterable[Path]) -> set[str]:
    """The libraries of the folder that files are linked to, those in folders too; a symlink with what it leads to."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    words = [f"/{file.relative_to(tree)}" for file in files if not file.is_symlink() and is_elf(file)]
    listed = run("chroot", tree, "sh", "-c", 'ldd "$@" 2>/dev/null || true', "sh", *words)
    names = set(re.findall(r"(?<=/)[^/\s]+(?= \(0x)", listed))
    return {name for link in names if (libraries / link).exists() for name in (link, (libraries / link).resolve().name)}


def is_elf(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def _programs(tree: Path, libraries: Path) -> list[Path]:
    """All programs, and what they load by its path."""
    folders = [tree / "usr/bin", tree / "usr/sbin", *(path for path in libraries.iterdir() if path.is_dir())]
    return [path for folder in folders for path in folder.iterdir()]


def _move(paths: Iterable[Path], tree: Path, layer: Path) -> None:
    for path in paths:
        place = layer / path.relative_to(tree)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, place)
