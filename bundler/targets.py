"""What will run the bundle, from who describes it: this machine, a file, the overrides key `target`, or no one.

This machine is described in the words of any other target, and looked at only where `--target host` or a command asks
for it. Where nothing is said, the target is the fixed one, on every machine the same.
"""

import json
import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bundler import tools
from bundler.conversion.target import Target, describe
from bundler.errors import RequestError, ToolError, closest
from bundler.images.platform import Platform
from bundler.origins import UNSET, Json, Origin
from bundler.overrides import validation
from bundler.overrides.embedded import embed_features
from bundler.overrides.files import Reader, read
from bundler.overrides.load import Overrides
from bundler.overrides.node import Node, from_json
from bundler.tools import Tool

RUNTIMES: Final = {
    "runc": Tool("runc", minimum=(1, 0, 0), package="runc"),
    "crun": Tool("crun", minimum=(0, 18, 0), package="crun"),
}
# Names in /proc/self/ns (namespaces(7)) → the runtime-spec's words.
_NAMESPACES: Final = {
    "cgroup": "cgroup",
    "ipc": "ipc",
    "mnt": "mount",
    "net": "network",
    "pid": "pid",
    "time": "time",
    "user": "user",
    "uts": "uts",
}
_LIBSECCOMP: Final = re.compile(r"libseccomp: (\d+(?:\.\d+){1,2})")
_KINDS: Final = ((stat.S_ISCHR, "c"), (stat.S_ISBLK, "b"), (stat.S_ISFIFO, "p"))


def choose_runtime(preferred: Json = None) -> Tool | None:
    """The runtime of the name `preferred` if it is there, else the first that is; None where none is.

    The name may come from a foreign bundle, and be no text at all.
    """
    names = [preferred] if isinstance(preferred, str) and preferred in RUNTIMES else []
    for name in dict.fromkeys([*names, *RUNTIMES]):
        try:
            tools.require(RUNTIMES[name])
        except ToolError:
            continue
        return RUNTIMES[name]
    return None


def probe(
    runtime: str | None = None,
    device_paths: Sequence[str] = (),
    sources: Sequence[str] = (),
    root: Path = Path("/"),
) -> dict[str, Json]:
    """What the overrides key `target` could say of this machine. What cannot be found out is left out.

    `runtime` is the runtime to ask for its version; None takes the first of RUNTIMES that is there, and leaves runtime
    and version out when none is. `device_paths` are the device nodes to describe, and directories of them; those that
    are not there are left out, as is what they link to. `sources` are paths of what is to be mounted. `root` is where
    all of these are looked for. Raises ToolError when the runtime that was named is missing.
    """
    version = "v2" if (root / "sys/fs/cgroup/cgroup.controllers").exists() else "v1"
    found: dict[str, Json] = {
        "arch": architecture(os.uname().machine),
        "kernel": _kernel(os.uname().release),
        "cgroup": version,
        "apparmor": read_text(root / "sys/module/apparmor/parameters/enabled")[:1] == "Y",
        "selinux": (root / "sys/fs/selinux/enforce").exists(),
    }
    looked_at: dict[str, Json] = {
        "controllers": _controllers(root, version),
        "namespaces": [word for name, word in _NAMESPACES.items() if (root / "proc/self/ns" / name).is_symlink()],
        "seccomp_actions": read_text(root / "proc/sys/kernel/seccomp/actions_avail").split(),
        "emulates": emulated(root),
    }
    found |= {name: listed for name, listed in looked_at.items() if listed}
    last = read_text(root / "proc/sys/kernel/cap_last_cap").strip()
    if last.isdecimal():
        found["last_capability"] = int(last)
    devices = {path: node for given in device_paths for path, node in _nodes(root, given)}
    kinds = {path: kind for path in sources if (kind := _kind(root / path.lstrip("/")))}
    by_path = {"devices": devices, "sources": kinds}
    return found | _runtime(runtime) | {key: there for key, there in by_path.items() if there}


def _kind(path: Path) -> str:
    """What a mount of it needs to be mounted onto; empty where there is nothing, or this user may not look."""
    try:
        return "directory" if stat.S_ISDIR(path.stat().st_mode) else "file"
    except (OSError, ValueError):
        return ""


def _kernel(release: str) -> str:
    """Major and minor of `6.1.0-13-amd64`: what features are asked for by."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return f"{int(match[1])}.{int(match[2])}" if match else "0.0"


def architecture(machine: str) -> str:
    """Go's name of the processor that uname(2) calls `machine`."""
    return Platform.of("linux", machine).architecture


def read_text(path: Path) -> str:
    """A file of the kernel's own; empty where there is none."""
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _controllers(root: Path, version: str) -> list[str]:
    """Those that control groups can use: all that are in the root group, or on v1 those that are mounted."""
    groups = root / "sys/fs/cgroup"
    if version == "v2":
        return read_text(groups / "cgroup.controllers").split()
    rows = (line.split() for line in read_text(root / "proc/cgroups").splitlines() if not line.startswith("#"))
    return sorted(row[0] for row in rows if row and (groups / row[0]).is_dir())


def emulated(root: Path = Path("/")) -> list[str]:
    """Architectures with an enabled row `qemu-NAME` in binfmt_misc(5), in Go's words."""
    folder = root / "proc/sys/fs/binfmt_misc"
    names = {row.name.removeprefix("qemu-") for row in folder.glob("qemu-*") if read_text(row).startswith("enabled")}
    return sorted({architecture(name) for name in names})


def _runtime(named: str | None) -> dict[str, Json]:
    for name in (named,) if named is not None else RUNTIMES:
        tool = RUNTIMES.get(name)
        if tool is None:  # a runtime we do not know has no version we could judge by
            return {"runtime": name}
        try:
            version = tools.version(tool)
        except ToolError:
            if named is not None:
                raise
            continue
        found: dict[str, Json] = {"runtime": name, "runtime_version": ".".join(map(str, version))}
        return found | _features(tool)
    return {}


def _features(tool: Tool) -> dict[str, Json]:
    """What the runtime says of itself, from runc 1.1 and crun 1.9 on, and which libseccomp it filters with."""
    found: dict[str, Json] = {}
    try:
        document = json.loads(tools.run(tool, "features"))
    except (ToolError, ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        found["features"] = document
    match = _LIBSECCOMP.search(tools.run(tool, "--version").decode("utf-8", "replace"))
    return found | ({"libseccomp": match[1]} if match else {})


def _nodes(root: Path, path: str) -> Iterator[tuple[str, Json]]:
    """The device at `path`, or those in the directory there, in the order of their names."""
    place = root / path.lstrip("/")
    if place.is_dir():
        for inner in sorted(place.iterdir()):
            if not inner.is_symlink():
                yield from _nodes(root, f"{path.rstrip('/')}/{inner.name}")
        return
    try:
        status = place.stat()
    except OSError:
        return
    kind = next((letter for test, letter in _KINDS if test(status.st_mode)), None)
    if kind is not None:
        yield (
            path,
            {
                "type": kind,
                "major": os.major(status.st_rdev),
                "minor": os.minor(status.st_rdev),
                "file_mode": stat.S_IMODE(status.st_mode),
                "uid": status.st_uid,
                "gid": status.st_gid,
            },
        )


HOST: Final = "host"
_OF_FEATURES: Final = "ociVersionMax"  # features.md: every such document has it


def load_target(requested: str | None, overrides: Overrides) -> Target:
    """The target that `requested` describes (`host`, or the path of a file with what the key `target` takes).

    It is laid over what the key says, and that over the defaults. Raises RequestError, ToolError.
    """
    described = overrides.get("target")
    target = Target() if described is UNSET else describe(Target(), described.entries(), described.origin)
    if requested is None:
        return target
    known = {} if described is UNSET else described.entries()
    entries, origin = _probed(known, overrides) if requested == HOST else _read(requested)
    return describe(target, entries, origin)


def _probed(
    known: Mapping[str, Node], overrides: Overrides, runtime: str | None = None
) -> tuple[Mapping[str, Node], Origin]:
    origin = Origin("target", HOST)
    if "runtime" in known:
        runtime = known["runtime"].text()
    found = from_json(probe(runtime, _device_paths(overrides), _sources(overrides)), origin)
    validation.check_value("target", found)  # a runtime may say anything of itself
    return found.entries(), origin


def host_target(runtime: str | None = None) -> Target:
    """This machine, as `--target host` finds it, with `runtime` or the first that is there. Raises ToolError."""
    return describe(Target(), *_probed({}, Overrides(), runtime))


def read_target(path: str) -> Target:
    """The target that a file describes, over the defaults. Raises RequestError."""
    return describe(Target(), *_read(path))


def _read(path: str) -> tuple[Mapping[str, Node], Origin]:
    """What a file with the words of the key `target` says, or one that a runtime's `features` has written."""
    near = f"did you mean {HOST}?" if closest(path, [HOST]) else None
    source = read(Path(path), hint=None if Path(path).exists() else near)
    document = source.document()
    if not isinstance(document.value, dict):
        raise RequestError(f"{document.origin.where}: a target is a map, as the overrides key target takes it")
    if _OF_FEATURES in document.entries():
        document = Node({"features": document}, document.origin)
    validation.check_value("target", document)
    document = embed_features(document, Reader(source.folder, []))
    return document.entries(), Origin("target", document.origin.where.partition(":")[0])


def _device_paths(overrides: Overrides) -> list[str]:
    """The paths on the machine that `devices` names."""
    paths = []
    for node in overrides.items("devices"):
        named = node.entries().get("host") if isinstance(node.value, dict) else node
        if named is not None and isinstance(named.value, str):
            paths.append(named.value.partition(":")[0])
    return [path for path in paths if path.startswith("/")]


def _sources(overrides: Overrides) -> list[str]:
    """The paths on the machine that `volumes` and `mounts` name."""
    named = [node.entries().get("source") for key in ("volumes", "mounts") for node in overrides.items(key)]
    paths = [posixpath.normpath(node.text()) for node in named if node is not None and isinstance(node.value, str)]
    return sorted({path for path in paths if path.startswith("/")})
