"""Judges of what a bundle asks of the machine's kernel and runtime; each gives printable sentences."""

from collections.abc import Iterator
from typing import Final

from bundler.doctor.bundle_facts import BundleFacts
from bundler.errors import printable
from bundler.origins import Json
from bundler.runtime_spec.support import shortcomings

# The runtime-spec's words for what a filter does → the kernel's (seccomp_unload(2), actions_avail).
_ACTIONS: Final = {
    "SCMP_ACT_KILL": "kill_thread",
    "SCMP_ACT_KILL_THREAD": "kill_thread",
    "SCMP_ACT_KILL_PROCESS": "kill_process",
    "SCMP_ACT_TRAP": "trap",
    "SCMP_ACT_ERRNO": "errno",
    "SCMP_ACT_NOTIFY": "user_notif",
    "SCMP_ACT_TRACE": "trace",
    "SCMP_ACT_LOG": "log",
}
# Members of /linux/resources → the controller on cgroup v1, and on v2; "" where v2 needs none.
_CONTROLLERS: Final = {
    ("memory",): ("memory", "memory"),
    ("cpu", "shares"): ("cpu", "cpu"),
    ("cpu", "quota"): ("cpu", "cpu"),
    ("cpu", "period"): ("cpu", "cpu"),
    ("cpu", "burst"): ("cpu", "cpu"),
    ("cpu", "idle"): ("cpu", "cpu"),
    ("cpu", "cpus"): ("cpuset", "cpuset"),
    ("cpu", "mems"): ("cpuset", "cpuset"),
    ("pids",): ("pids", "pids"),
    ("blockIO",): ("blkio", "io"),
    ("hugepageLimits",): ("hugetlb", "hugetlb"),
    ("network",): ("net_cls", ""),
    ("rdma",): ("rdma", "rdma"),
}

_CRUN_TAKES_FILES: Final = (1, 14, 4)
# runtime-spec config.md, mounts: options that hold for all that is mounted below, too.
_RECURSIVE: Final = frozenset(
    f"r{option}"
    for option in (
        *("ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "atime", "noatime", "diratime", "nodiratime"),
        *("relatime", "norelatime", "strictatime", "nostrictatime", "symfollow", "nosymfollow"),
    )
)
_LARGEST_ID: Final = (1 << 31) - 1
# Where LXCFS and CRIU mount theirs.
_MOUNTED_IN_PROC: Final = (
    *("cpuinfo", "diskstats", "loadavg", "meminfo", "net/dev", "slabinfo", "stat", "swaps", "uptime"),
    *("sys/crypto/fips_enabled", "sys/kernel/ns_last_pid"),
)


def runtime(subject: BundleFacts) -> Iterator[str]:
    if subject.surroundings is not None and not subject.target.runtime_version:
        yield "neither runc nor crun is on PATH"


def refused(subject: BundleFacts) -> Iterator[str]:
    for shortcoming in shortcomings(subject.config, subject.target.known_runtime):
        if shortcoming.refuses:
            yield shortcoming.what


def refused_by_runc(subject: BundleFacts) -> Iterator[str]:
    """What runc alone checks before a start (libcontainer): variables, ids, and mounts that could fake /proc."""
    if subject.target.runtime != "runc":
        return
    for index, entry in enumerate(subject.process.env):
        if not entry.partition("=")[0] or "=" not in entry:
            yield f"/process/env/{index}: {printable(entry[:80])} is not NAME=VALUE, which runc refuses"
    for key, number in (("uid", subject.process.uid), ("gid", subject.process.gid)):
        if number > _LARGEST_ID:
            yield f"/process/user/{key}: runc takes no id beyond {_LARGEST_ID}"
    for mount in subject.config.mounts:
        fakes = mount.place == "/proc" and mount.type != "proc" and not (mount.source or "").startswith("/proc")
        if fakes or (mount.place.startswith("/proc/") and mount.place.removeprefix("/proc/") not in _MOUNTED_IN_PROC):
            yield f"{mount.pointer}: runc mounts nothing else on {printable(mount.place)}"


def refused_by_crun(subject: BundleFacts) -> Iterator[str]:
    """Until 1.14.4 crun opened what has recursive options (rro) as a directory."""
    version = subject.target.runtime_version
    if subject.target.runtime != "crun" or not version or version >= _CRUN_TAKES_FILES:
        return
    options = {mount.pointer: mount.options for mount in subject.config.mounts}
    for bind in subject.binds:
        recursive = _RECURSIVE & set(options[bind.pointer])
        if recursive and bind.kind not in ("directory", "missing", "unknown"):
            yield f"{bind.pointer}: {printable(bind.path)} is no directory, and crun fails at {min(recursive)} for it"


def hybrid(subject: BundleFacts) -> Iterator[str]:
    """Crun takes one version of control groups or the other."""
    around = subject.surroundings
    if around is not None and around.beside_v1 and subject.target.runtime == "crun":
        yield f"crun starts nothing where cgroup v2 has controllers beside v1 ({', '.join(around.beside_v1)})"


def ignored(subject: BundleFacts) -> Iterator[str]:
    for shortcoming in shortcomings(subject.config, subject.target.known_runtime):
        if not shortcoming.refuses:
            yield shortcoming.what


def namespaces(subject: BundleFacts) -> Iterator[str]:
    known = subject.target.namespaces
    for namespace in subject.config.namespaces:
        if known is not None and namespace.type not in known:
            yield f"the machine's kernel has no {printable(namespace.type)} namespaces"


def seccomp(subject: BundleFacts) -> Iterator[str]:
    known = subject.target.seccomp_actions
    if known is None:
        return
    for action in dict.fromkeys(subject.config.seccomp_actions):
        if _ACTIONS.get(action, known[0]) not in known:
            yield f"the machine's kernel cannot {printable(action)}"


def system_calls(subject: BundleFacts) -> Iterator[str]:
    if subject.unknown_syscalls:
        named = ", ".join(printable(name) for name in subject.unknown_syscalls[:5])
        more = len(subject.unknown_syscalls) - 5
        yield f"libseccomp does not know {named}{f' and {more} more' if more > 0 else ''}"


def controllers(subject: BundleFacts) -> Iterator[str]:
    """The machine's; for an ordinary user, those that are delegated to him."""
    there, around = subject.target.controllers, subject.surroundings
    if around is not None and around.uid != 0:
        there = around.delegated or ()
    if there is None:
        return
    version = 0 if subject.target.cgroup == "v1" else 1
    for path, names in _CONTROLLERS.items():
        asked = any(value not in (None, {}, []) for value in subject.config.values("linux", "resources", *path))
        if asked and names[version] and names[version] not in there:
            yield f"/linux/resources/{'/'.join(path)} needs the controller {names[version]}, which is not there"


def unified(subject: BundleFacts) -> Iterator[str]:
    if subject.target.cgroup == "v1" and any(subject.config.values("linux", "resources", "unified")):
        yield "/linux/resources/unified speaks of cgroup v2, the machine has v1"


def other_target(subject: BundleFacts) -> Iterator[str]:
    """What bundler.json says the bundle was built for."""
    target: Json = (subject.recorded or {}).get("target")
    if isinstance(target, dict) and target.get("cgroup") not in (None, subject.target.cgroup):
        yield f"it was built for cgroup {printable(str(target['cgroup']))}, the machine has {subject.target.cgroup}"


def apparmor(subject: BundleFacts) -> Iterator[str]:
    profile, around = subject.process.apparmor_profile, subject.surroundings
    if not profile or profile == "unconfined":
        return
    if not subject.target.apparmor:
        yield f"the AppArmor profile {printable(profile)} is asked for, and the machine has no AppArmor"
    elif around is not None and around.profiles is not None and profile not in around.profiles:
        yield f"the AppArmor profile {printable(profile)} is not loaded"


def selinux(subject: BundleFacts) -> Iterator[str]:
    label = subject.process.selinux_label or subject.config.mount_label
    if label and subject.target.selinux is False:
        yield f"the SELinux label {printable(label)} is asked for, and the machine has no SELinux"


def network(subject: BundleFacts) -> Iterator[str]:
    for name in subject.missing_programs:
        yield f"the hook that connects the network needs {printable(name)}, which is not there"


def ports(subject: BundleFacts) -> Iterator[str]:
    yield from subject.taken_ports


def hard_limits(subject: BundleFacts) -> Iterator[str]:
    highest = {} if subject.surroundings is None else subject.surroundings.hard_limits
    for limit in subject.process.rlimits:
        if limit.hard > highest.get(limit.type, limit.hard):
            most = highest[limit.type]
            yield f"{limit.pointer}: {limit.type} of {limit.hard} is more than the {most} that you may give"


def rootless(subject: BundleFacts) -> Iterator[str]:
    """user_namespaces(7): an ordinary user makes the rest in a user namespace of his own."""
    around = subject.surroundings
    if around is None or around.uid == 0:
        return
    if not subject.config.has_namespace("user"):
        yield "it has no user namespace, so only root can run it"
        return
    if not around.unprivileged or around.user_namespaces == 0:
        yield "this machine lets only root make user namespaces"
    config = subject.config
    for key, mappings, own, ranges, mapper in (
        ("uidMappings", config.uid_mappings, around.uid, around.subuids, "newuidmap"),
        ("gidMappings", config.gid_mappings, around.gid, around.subgids, "newgidmap"),
    ):
        for mapping in mappings:
            if not _may_map(mapping.host_id, mapping.size, own, ranges):
                yield f"/linux/{key} takes {mapping.size} ids from {mapping.host_id} on, which are not yours"
        if [(mapping.host_id, mapping.size) for mapping in mappings] != [(own, 1)] and mapper not in around.mappers:
            yield f"/linux/{key} takes the program {mapper}, which is not on PATH"


def _may_map(first: int, count: int, own: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    """newuidmap(1): the own id, and what is within one line of subuid(5)."""
    within = any(start <= first and first + count <= start + length for start, length in ranges)
    return within or (first, count) == (own, 1)


def checkpoint(subject: BundleFacts) -> Iterator[str]:
    """What of this bundle criu cannot keep, or bring back, where it works."""
    if subject.surroundings is None or subject.surroundings.criu != "":
        return
    if subject.process.terminal:
        yield "/process/terminal: the terminal of the user who started the container is not kept"
    if not subject.config.has_namespace("pid"):
        yield "/linux/namespaces: without a PID namespace of its own, the numbers of its processes may be in use"
    if subject.target.runtime == "crun":
        sources = (mount.source for mount in subject.config.mounts if mount.is_bind and mount.source is not None)
        relative = [source for source in sources if not source.startswith("/")]
        if relative:
            yield f"/mounts: crun brings no mount back whose source is relative ({printable(relative[0])})"
