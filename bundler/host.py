"""The machine bundler runs on, described like any other target: only when somebody asks for it with `--target host`."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bundler import tools
from bundler.errors import ToolError
from bundler.origins import Json
from bundler.tools import Tool

RUNTIMES: Final = {
    "runc": Tool("runc", minimum=(1, 0, 0), package="runc"),
    "crun": Tool("crun", minimum=(0, 18, 0), package="crun"),
}
_KINDS: Final = ((stat.S_ISCHR, "c"), (stat.S_ISBLK, "b"), (stat.S_ISFIFO, "p"))


def probe(runtime: str | None = None, device_paths: Sequence[str] = (), root: Path = Path("/")) -> dict[str, Json]:
    """What the overrides key `target` could say of this machine.

    `runtime` is the runtime to ask for its version; None takes the first of RUNTIMES that is there, and leaves runtime
    and version out when none is. `device_paths` are the device nodes to describe, and directories of them; those that
    are not there are left out, as is what they link to. `root` is where /sys and /dev are looked for. Raises ToolError
    when the runtime that was named is missing.
    """
    found: dict[str, Json] = {
        "kernel": _kernel(os.uname().release),
        "cgroup": "v2" if (root / "sys/fs/cgroup/cgroup.controllers").exists() else "v1",
        "apparmor": _first_letter(root / "sys/module/apparmor/parameters/enabled") == "Y",
    }
    devices = {path: node for given in device_paths for path, node in _nodes(root, given)}
    return found | _runtime(runtime) | ({"devices": devices} if devices else {})


def _kernel(release: str) -> str:
    """Major and minor of `6.1.0-13-amd64`: what features are asked for by."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return f"{int(match[1])}.{int(match[2])}" if match else "0.0"


def _first_letter(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")[:1]
    except OSError:
        return ""


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
        return {"runtime": name, "runtime_version": ".".join(map(str, version))}
    return {}


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
