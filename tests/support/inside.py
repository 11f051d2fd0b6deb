"""What the kernel says of a running container, asked from outside: comparable between Docker and a bundle.

What is chance is taken out: numbers of processes, the automatic host name, where the machine keeps a mount's files.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_OF_A_PROCESS = (
    *("Name", "Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "Seccomp_filters"),
    *("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"),
)
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
# Masked by Docker 28, whose defaults a bundle has, and not by 20.10.
_HIDDEN_SINCE = re.compile("/proc/interrupts|/sys/devices/virtual/powercap|.*/thermal_throttle")
_AUTOMATIC_NAME = re.compile(r"\b[0-9a-f]{12}\b")
_OF_THE_KERNEL = re.compile(r"relatime|inode64|nr_inodes=\d+|gid=5|(lower|upper|work)dir=.*|index=off|errors=.*")
_PARAMETERS = tuple(
    f"/proc/sys/{key}"
    for key in (
        *("kernel/domainname", "kernel/hostname", "kernel/msgmax", "kernel/shm_rmid_forced", "kernel/shmmax"),
        *("net/core/somaxconn", "net/ipv4/ip_forward", "net/ipv4/ip_unprivileged_port_start"),
        *("net/ipv4/ping_group_range", "fs/mqueue/msg_max"),
    )
)
# Of cgroup v1 by controller, and of v2; what a kernel does not have is missing in both worlds.
_LIMITS = {
    "memory": ("limit_in_bytes", "soft_limit_in_bytes", "memsw.limit_in_bytes", "swappiness", "oom_control"),
    "cpu": ("shares", "cfs_quota_us", "cfs_period_us"),
    "cpuset": ("cpus", "mems"),
    "pids": ("max",),
    "devices": ("list",),
    "blkio": ("weight", "bfq.weight"),
    "": (
        *("memory.max", "memory.low", "memory.swap.max", "cpu.max", "cpu.weight", "cpuset.cpus"),
        *("pids.max", "io.weight"),
    ),
}


def observe(pid: int) -> dict[str, Any]:
    """All that is compared of the container whose first process is `pid` (the machine's number)."""
    process = Path(f"/proc/{pid}")
    return {
        "command": process.joinpath("cmdline").read_bytes().split(b"\0"),
        "working directory": str((process / "cwd").readlink()),
        "personality": process.joinpath("personality").read_text(),
        "limits": process.joinpath("limits").read_text().splitlines(),
        "host name": named(in_namespaces(pid, "hostname")),
        "namespaces of the machine": [kind for kind in _NAMESPACES if _is_shared(process, kind)],
        "identity map": process.joinpath("uid_map").read_text() + process.joinpath("gid_map").read_text(),
        "processes": _processes(process),
        "mounts": dict(sorted(_mounts(process))),
        "control group": dict(_limits(process)),
        "parameters": named(in_namespaces(pid, "grep", "", *_PARAMETERS)).splitlines(),
        "devices": in_namespaces(pid, "sh", "-c", "stat --format '%N %F %t:%T %a %u:%g' /dev/*").splitlines(),
        "/etc/hosts": named(in_namespaces(pid, "cat", "/etc/hosts")).replace("::0\t", "::\t"),  # 20.10 has the 0
        "/etc/hostname": named(in_namespaces(pid, "cat", "/etc/hostname")),
        "/etc/resolv.conf": _resolver(pid),
    }


def in_namespaces(pid: int, *command: str) -> str:
    """What a command prints that sees the container's files, network, host name and IPC, with the machine's rights."""
    kinds = ["--mount", "--net", "--uts", "--ipc"]
    entered = ["nsenter", "--target", str(pid), *kinds, *command]
    done = subprocess.run(entered, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    if done.stderr:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return done.stdout.decode()


def differences(expected: Any, found: Any, place: str = "") -> dict[str, tuple[Any, Any]]:
    """What differs between two observations, by its place."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = sorted(expected.keys() | found.keys())
        parts = (differences(expected.get(key), found.get(key), f"{place}/{key}") for key in keys)
        return {name: pair for part in parts for name, pair in part.items()}
    if isinstance(expected, list) and isinstance(found, list):
        missing, more = (
            [item for item in one if item not in other] for one, other in ((expected, found), (found, expected))
        )
        return {place: (missing, more)} if expected != found else {}
    return {place: (expected, found)} if expected != found else {}


def named(text: str) -> str:
    """`text` without the host name that Docker and bundler give where nobody says one."""
    return _AUTOMATIC_NAME.sub("NAME", text)


def _resolver(pid: int) -> list[str]:
    """resolv.conf without what Docker takes from the machine, or makes up, where nobody says a name server."""
    said = in_namespaces(pid, "cat", "/etc/resolv.conf").splitlines()
    taken = {*Path("/etc/resolv.conf").read_text().splitlines(), "nameserver 8.8.8.8", "nameserver 8.8.4.4"}
    return sorted({line for line in said if line and not line.startswith("#")} - taken)


def _is_shared(process: Path, kind: str) -> bool:
    return process.joinpath("ns", kind).readlink() == Path("/proc/self/ns", kind).readlink()


def _processes(first: Path) -> list[tuple[str, ...]]:
    """Each kind of process in the control group, whose workers have other rights than their master.

    What answered the client may be about to end: this looks again until nothing has changed.
    """
    seen, before = sorted(set(_statuses(first))), None
    while seen != before:
        time.sleep(0.5)
        seen, before = sorted(set(_statuses(first))), seen
    return seen


def _statuses(first: Path) -> Iterator[tuple[str, ...]]:
    for number in _control_group(first, "pids").joinpath("cgroup.procs").read_text().split():
        process = Path("/proc", number)
        with suppress(FileNotFoundError, ProcessLookupError):
            status = dict(line.split(":", 1) for line in process.joinpath("status").read_text().splitlines())
            if "Umask" in status:  # one that is ending has no files any more, and is no zombie yet
                values = (f"{key}:{status[key]}" for key in _OF_A_PROCESS)
                yield (*values, process.joinpath("oom_score_adj").read_text())


def _control_group(process: Path, controller: str) -> Path:
    """The directory of a process's control group: that of a controller on v1, of all on v2."""
    for line in process.joinpath("cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path("/sys/fs/cgroup", controller, path.lstrip("/"))
        if number == "0" and not Path("/sys/fs/cgroup", controller).is_dir():
            return Path("/sys/fs/cgroup", path.lstrip("/"))
    raise LookupError(f"{process} has no {controller}")


def _limits(process: Path) -> Iterator[tuple[str, list[str]]]:
    is_v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    for controller, files in _LIMITS.items():
        if is_v2 != (controller == ""):
            continue
        for file in files:
            path = _control_group(process, controller) / ".".join(filter(None, [controller, file]))
            if path.exists():
                yield path.name, sorted(path.read_text().splitlines())


def _mounts(process: Path) -> Iterator[tuple[str, str]]:
    """Each mount point with type, options and propagation; a later mount on one hides an earlier one."""
    for line in process.joinpath("mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        _, _, _, _, target, options, *tags = left.split(" ")
        kind, _, super_options = right.split(" ", 2)
        if _HIDDEN_SINCE.fullmatch(target):
            continue
        of_the_machine = target == "/" or target.startswith("/etc/") or kind == "cgroup"
        kept = _kept(options) + ([] if of_the_machine else ["|", *_kept(super_options)])
        # dockerd makes its own directory a shared mount: what lies there is its slave, and nobody can tell.
        shared = sorted({tag.partition(":")[0] for tag in tags} - {"master"})
        yield target, " ".join(["" if of_the_machine else kind, *kept, *shared])


def _kept(options: str) -> list[str]:
    return [option for option in options.split(",") if not _OF_THE_KERNEL.fullmatch(option)]
