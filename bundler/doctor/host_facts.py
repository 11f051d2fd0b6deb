"""This machine besides what a target says of one: programs, the caller's ids, the store, what the kernel allows him."""

import os
import pwd
import re
import resource
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Final

from bundler import tools
from bundler.doctor.networks import missing_for_bridge
from bundler.errors import ToolError
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.targets import RUNTIMES, read_text
from bundler.tools import Tool

PROGRAMS: Final = (
    (RUNTIMES["runc"], "running bundles"),
    (RUNTIMES["crun"], "running bundles"),
    (tools.SKOPEO, "registries and container storage"),
    (tools.UMOCI, "--unpacker umoci, gc"),
)
# What the runtimes ask for. Whether it knows this kernel is not a matter of versions, and it can be asked.
CRIU: Final = Tool("criu", minimum=(3, 0, 0), package="criu")
# They set the ids of a user namespace for ordinary users, and have no versions to ask for.
MAPPERS: Final = ("newuidmap", "newgidmap")
_SYS_RESOURCE: Final = 24  # linux/capability.h
_POLICIES: Final = (".config/containers/policy.json", "/etc/containers/policy.json")


@dataclass(frozen=True, slots=True)
class FoundProgram:
    """One that bundler may start; `fault` says what is wrong with it, `hint` how to install it."""

    name: str
    minimum: str
    used_for: str
    path: str = ""
    version: str = ""
    fault: str = ""
    hint: str = ""

    def described(self) -> dict[str, Json]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """`subuids` and `subgids` are ranges (first id, how many) of the caller. `policy` is the signature policy that
    skopeo would read, empty without one. `free` are the bytes left where `store` lies, None where that is unknown.

    `user_namespaces` is how many there may be, None where the kernel does not say; `unprivileged` whether ordinary
    users may make them. `delegated` are the controllers of the caller's own control group, None where he has none.
    `profiles` are the AppArmor profiles that are loaded, None where that cannot be read. `missing_for_bridge` are
    programs that `network_mode: bridge` would need. `beside_v1` are controllers of cgroup v2 on a machine with v1.
    `hard_limits` are the most that the caller may give to a process, by type; what may be any number is not there.
    `criu` says why it keeps no container here, empty where it can; None where criu was not asked. `overlay` and `erofs`
    are file systems that the kernel has or loads when it is asked to mount one, `loops` its loop devices.
    """

    kernel: str
    programs: tuple[FoundProgram, ...]
    uid: int
    gid: int
    subuids: tuple[tuple[int, int], ...]
    subgids: tuple[tuple[int, int], ...]
    mappers: tuple[str, ...]
    policy: str
    store: str
    free: int | None
    overlay: bool
    user_namespaces: int | None
    unprivileged: bool
    delegated: tuple[str, ...] | None
    profiles: tuple[str, ...] | None
    missing_for_bridge: tuple[str, ...]
    beside_v1: tuple[str, ...] = ()
    hard_limits: Mapping[str, int] = field(default_factory=dict)
    criu: str | None = None
    erofs: bool = True
    loops: bool = True
    erofsfuse: bool = True

    def described(self) -> dict[str, Json]:
        """As `--json` prints it."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("programs", "profiles")}
        return plain | {"programs": [program.described() for program in self.programs]}


def look_around(store: Path | None, root: Path = Path("/")) -> HostFacts:
    """This machine as its user finds it; `root` is where /proc, /sys and /etc are looked for."""
    uid, gid = os.geteuid(), os.getegid()
    namespaces = read_text(root / "proc/sys/user/max_user_namespaces").strip()
    kernel = root / "proc/sys/kernel"
    forbidden = (
        read_text(kernel / "unprivileged_userns_clone")[:1] == "0"
        or read_text(kernel / "apparmor_restrict_unprivileged_userns")[:1] == "1"
    )
    return HostFacts(
        kernel=os.uname().release,
        programs=tuple(_program(tool, used_for) for tool, used_for in PROGRAMS),
        uid=uid,
        gid=gid,
        subuids=_ranges(root / "etc/subuid", uid),
        subgids=_ranges(root / "etc/subgid", uid),
        mappers=tuple(name for name in MAPPERS if shutil.which(name)),
        policy=next((str(path) for path in _policies(root) if path.is_file()), ""),
        store="" if store is None else str(store),
        free=_free(store),
        overlay=_has_filesystem("overlay", root),
        user_namespaces=int(namespaces) if namespaces.isdecimal() else None,
        unprivileged=not forbidden,
        delegated=_delegated(root),
        profiles=_profiles(root),
        missing_for_bridge=missing_for_bridge(root=uid == 0),
        hard_limits=_hard_limits(root),
        criu=_criu_fault() if uid == 0 else None,
        beside_v1=tuple(read_text(root / "sys/fs/cgroup/unified/cgroup.controllers").split()),
        erofs=_has_filesystem("erofs", root),
        loops=(root / "dev/loop-control").exists() or _has_module("loop", root),
        erofsfuse=shutil.which("erofsfuse") is not None,
    )


def _has_filesystem(name: str, root: Path) -> bool:
    listed = [line.split()[-1:] for line in read_text(root / "proc/filesystems").splitlines()]
    return [name] in listed or _has_module(name, root)


def _has_module(name: str, root: Path) -> bool:
    """Whether the kernel finds a module of its own by this name (modprobe(8)), or has it built in."""
    folder = root / "lib/modules" / os.uname().release
    lists = (read_text(folder / f"modules.{kind}") for kind in ("builtin", "dep"))
    return any(re.search(rf"/{name}\.ko(\.[a-z0-9]+)?(:|$)", text, re.MULTILINE) for text in lists)


def _criu_fault() -> str:
    """It answers root only."""
    try:
        tools.run(CRIU, "check")
    except ToolError as error:
        return error.what.rstrip(".")
    return ""


def _program(tool: Tool, used_for: str) -> FoundProgram:
    minimum = _dotted(tool.minimum)
    try:
        path, version = tools.require(tool), _dotted(tools.version(tool))
    except ToolError as error:
        return FoundProgram(tool.name, minimum, used_for, fault=error.what, hint=error.hint or "")
    return FoundProgram(tool.name, minimum, used_for, path, version, hint=tool.install_hint)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _ranges(path: Path, uid: int) -> tuple[tuple[int, int], ...]:
    """The lines `USER:FIRST:COUNT` of subuid(5) that are the user's, by name or number."""
    names = {str(uid)}
    with suppress(KeyError):
        names.add(pwd.getpwuid(uid).pw_name)
    lines = (line.split(":") for line in read_text(path).splitlines())
    return tuple(
        (int(line[1]), int(line[2]))
        for line in lines
        if len(line) == 3 and line[0] in names and line[1].isdecimal() and line[2].isdecimal()  # noqa: PLR2004
    )


def _policies(root: Path) -> tuple[Path, ...]:
    home = os.environ.get("HOME", "")
    return (*((Path(home, _POLICIES[0]),) if home else ()), root / _POLICIES[1].lstrip("/"))


def _free(store: Path | None) -> int | None:
    """In the nearest folder above that is there: before the first fetch there is no store."""
    for folder in () if store is None else (store, *store.absolute().parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None


def _delegated(root: Path) -> tuple[str, ...] | None:
    """cgroups(7), delegation: the group has to be the user's to write to. On cgroup v1 there is none."""
    own = next((line[3:] for line in read_text(root / "proc/self/cgroup").splitlines() if line.startswith("0::")), "")
    group = root / "sys/fs/cgroup" / own.lstrip("/")
    controllers = group / "cgroup.controllers"
    if not own or not controllers.exists() or not os.access(group, os.W_OK):
        return None
    return tuple(read_text(controllers).split())


def _hard_limits(root: Path) -> dict[str, int]:
    """setrlimit(2): no process goes beyond fs.nr_open, and only one with the capability beyond its own hard limits."""
    files = read_text(root / "proc/sys/fs/nr_open").strip()
    most = {"RLIMIT_NOFILE": int(files)} if files.isdecimal() else {}
    if _may_raise(root):
        return most
    own = {name: resource.getrlimit(getattr(resource, name))[1] for name in dir(resource) if name.startswith("RLIMIT_")}
    bounded = {name: hard for name, hard in own.items() if hard != resource.RLIM_INFINITY}
    return bounded | {name: min(number, bounded.get(name, number)) for name, number in most.items()}


def _may_raise(root: Path) -> bool:
    """Whether the caller has CAP_SYS_RESOURCE, and not only in a user namespace."""
    held = re.search(r"^CapEff:\s*([0-9a-f]+)$", read_text(root / "proc/self/status"), re.MULTILINE)
    has_all_ids = read_text(root / "proc/self/uid_map").split() == ["0", "0", "4294967295"]
    return has_all_ids and held is not None and bool(int(held[1], 16) >> _SYS_RESOURCE & 1)


def _profiles(root: Path) -> tuple[str, ...] | None:
    """Lines such as `docker-default (enforce)`; root alone may read them."""
    path = root / "sys/kernel/security/apparmor/profiles"
    if not os.access(path, os.R_OK):
        return None
    return tuple(line.rpartition(" ")[0] for line in read_text(path).splitlines())
