"""What a project is known to see otherwise than under Docker, in the words of docs/projects.md.

Each sentence stands for paths PROJECT/CONTAINER/SUBJECT..., as patterns of fnmatch.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

DIFFERENCES: Mapping[str, Sequence[str]] = {
    "`network_mode: host`, the container's own name is": ["links/machine-1/hostname", "links/machine-1/environment"],
    "names of containers that have ended stay": ["order/*/names/seed", "order/*/names/cmp-order-seed-1"],
    "`web.shop_front`, a name with its network, leads nowhere": ["networks/*/names/proxy.cmp-networks_back"],
    "has no `options ndots:0`": ["*/*/resolver"],
    "An internal network has no default route": ["networks/*/ways out", "internal/*/ways out"],
    "`host-gateway` is the machine's address on a network of the container": ["users/named-1/names/gateway.test"],
    "across bridges from a network without masquerading": ["isolated/plain-1/answers/the machine/8114"],
    "only ports of containers with IPv6 answer": [
        "*/the machine/answers/the machine by IPv6/*",
        "*/elsewhere/*by IPv6/*",
    ],
    "have mode 0444 unless `mode` says another": ["secrets/*/files/*", "configs/*/files/*"],
    "with `content` is mounted, read-only": ["configs/*/mounts/*"],
    "`volumes_from: [web:ro]` is read-only": ["volumes/third-1/mounts/data", "volumes/third-1/mounts/srv"],
    "Volumes of the other's image that have no name": ["volumes/third-1/*/var/cache/app"],
    "/dev/shm of a service whose `ipc` others share": ["namespaces/*/mounts/dev/shm", "namespaces/*/files/dev/shm"],
}


def differing(docker: Any, here: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Where two documents differ, and what each of them says there; None for nothing."""
    return list(_differing(docker, here, path))


def _differing(docker: Any, here: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(docker, dict) and isinstance(here, dict):
        for key in sorted({*docker, *here}):
            inner = f"{path}/{key.removeprefix('/')}".removeprefix("/")
            yield from _differing(docker.get(key), here.get(key), inner)
    elif docker != here:
        yield path, docker, here


def unexpected(found: Sequence[tuple[str, Any, Any]]) -> list[tuple[str, Any, Any]]:
    """Those that nothing is said about."""
    patterns = [pattern for listed in DIFFERENCES.values() for pattern in listed]
    return [each for each in found if not any(fnmatchcase(each[0], pattern) for pattern in patterns)]
