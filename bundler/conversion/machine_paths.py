"""What is at paths of the machine that runs the bundle: what its target says, and what every machine has."""

from collections.abc import Mapping
from typing import Final

from bundler.conversion.target import Kind, Target

# What people mount and every machine has as the same kind (Filesystem Hierarchy Standard, and where daemons listen).
ON_EVERY_MACHINE: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("/boot", "/dev", "/dev/shm", "/etc", "/home", "/lib/modules", "/media", "/mnt"), "directory"),  # noqa: S108
    **dict.fromkeys(("/opt", "/proc", "/root", "/run", "/srv", "/sys", "/sys/fs/cgroup", "/tmp"), "directory"),  # noqa: S108
    **dict.fromkeys(("/usr", "/usr/src", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp"), "directory"),  # noqa: S108
    **dict.fromkeys(("/etc/group", "/etc/hostname", "/etc/hosts", "/etc/passwd", "/etc/resolv.conf"), "file"),
    **dict.fromkeys(("/etc/localtime", "/etc/machine-id", "/etc/os-release", "/etc/timezone"), "file"),
    **dict.fromkeys(("/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"), "file"),
}


def kind_at(target: Target, path: str) -> Kind | None:
    """What is at a clean path there; None where only that machine can tell."""
    return target.sources.get(path) or ON_EVERY_MACHINE.get(path)
