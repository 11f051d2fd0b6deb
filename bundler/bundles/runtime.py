"""How runtimes know a bundle, and whether a container runs from it: then neither it nor its volumes can be moved.

A container has mounts of its own, its rootfs and its volumes. The mount tables of its processes show them by the device
of a file system and the path in it, whatever the path is called here, and whichever user started the container.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from bundler.bundles.record import part_of
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.runtime_spec.runtime_config import RuntimeConfig

# What every runtime takes as an id and systemd in the name of a unit, short enough for `-health.service`.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_SHARED: Final = ("/dev/shm", "shm")  # noqa: S108 -- in the container
_INIT: Final = "/sbin/docker-init"
_SYSTEMD_PATH: Final = re.compile(r"[^/:]+\.slice:[^:]*:[^:]+|:[^:]*:[^:]+")


def container_name(given: str | None, recorded: Mapping[str, Json], bundle: str, option: str) -> str:
    """`given` with `option`, else the container_name in what bundler.json has `recorded`, else the name of the
    directory `bundle`. Raises RequestError for what runtimes take for no id.
    """
    named = part_of(recorded, "lifecycle").get("container_name")
    stated = named if isinstance(named, str) else Path(bundle).name
    name = stated if given is None else given
    if not _NAME.fullmatch(name):
        raise RequestError(
            f"{printable(name[:80])!r} cannot be the name of a container",
            hint=f"{option}: letters, digits, and _ . - behind the first of them",
        )
    return name


def asks_systemd(config: RuntimeConfig, recorded: Mapping[str, Json]) -> bool:
    """Whether the runtime is to ask systemd for the control group: by the form of its path, else by the target."""
    if config.cgroups_path:
        return bool(_SYSTEMD_PATH.fullmatch(config.cgroups_path))
    return part_of(recorded, "target").get("cgroup_manager") == "systemd"


def shared_memory(config: RuntimeConfig) -> str | None:
    """The bundle's folder that is /dev/shm, for which no daemon keeps a tmpfs mounted; None where there is none."""
    has_folder = any(mount.is_bind and (mount.destination, mount.source) == _SHARED for mount in config.mounts)
    return _SHARED[1] if has_folder else None


def needed_init(config: RuntimeConfig) -> str | None:
    """The path of the init that the machine has to have; None where there is none, or the bundle carries its own."""
    inits = (mount.source or "" for mount in config.mounts if mount.is_bind and mount.destination == _INIT)
    return next((source for source in inits if source.startswith("/")), None)


_OWN: Final = "self"


@dataclass(frozen=True, slots=True)
class _Mount:
    """A line of mountinfo: the directory `root` of the file system `source`, on `device`, is at `place`.

    An overlay is called after the directory that it covers, or that it writes to (`running/namespace.py`).
    """

    device: bytes
    root: str
    place: str
    source: str


def check_idle(bundle: Path, recorded: Mapping[str, Json]) -> None:
    """Raise RequestError where something is mounted in the bundle, or a container runs from it."""
    label = printable(str(bundle))
    mounts = list(_mounts(_OWN))
    mounted = next((mount.place for mount in mounts if _is_below(mount.place, os.path.realpath(bundle))), None)
    if mounted is not None:
        what = f"{label}: something is mounted at {printable(mounted)}"
        raise RequestError(what, hint="stop what runs from the bundle, and unmount it")
    process = _process_of(bundle, mounts)
    if process is not None:
        name = unit_of(bundle, recorded)
        what = f"{label}: a container runs from it (process {process})"
        raise RequestError(what, hint=f"stop it first: systemctl stop {name} (or runc kill {name})")


def is_idle(bundle: Path) -> bool:
    """Whether no container runs from the bundle, as far as this user can see."""
    return _process_of(bundle, list(_mounts(_OWN))) is None


def unit_of(bundle: Path, recorded: Mapping[str, Json]) -> str:
    """The name that its unit and its container have unless another one was chosen for them."""
    try:
        return container_name(None, recorded, os.path.abspath(bundle), "--name")  # noqa: PTH100 -- as it is called
    except RequestError:
        return "NAME"


def mount_point_of(path: str) -> str:
    """Where the file system that holds the absolute `path` is mounted, in this process's namespace."""
    around = _around(path, list(_mounts(_OWN)))
    return "/" if around is None else around.place


def process_over(upper: Path) -> int | None:
    """A process in whose mounts the overlay is that keeps what is written in the folder `upper`; None where none is."""
    name = os.path.realpath(upper)
    for process, mounts in _others(set[_Mount]()):
        if any(mount.source == name for mount in mounts):
            return process
    return None


def _around(place: str, mounts: list[_Mount]) -> _Mount | None:
    above = [mount for mount in mounts if place == mount.place or _is_below(place, mount.place)]
    return max(reversed(above), key=lambda mount: len(mount.place), default=None)  # the last one covers those before


def _process_of(bundle: Path, own: list[_Mount]) -> int | None:
    """A process in whose mounts the bundle, or something in it, is, and which are not this process's own."""
    place = os.path.realpath(bundle)
    around = _around(place, own)
    if around is None:
        return None
    root = os.path.normpath(os.path.join(around.root, os.path.relpath(place, around.place)))  # noqa: PTH118
    for process, mounts in _others(set(own)):
        for mount in mounts:
            inside = mount.device == around.device and (mount.root == root or _is_below(mount.root, root))
            covers = mount.source == place or _is_below(mount.source, place)
            if inside or covers:
                return process
    return None


def _others(known: Collection[_Mount]) -> Iterator[tuple[int, Iterator[_Mount]]]:
    """The first process of each mount namespace but this one's, with its mounts that are not `known`."""
    seen = {_namespace(_OWN)}
    for process in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):  # noqa: PTH208
        namespace = _namespace(str(process))
        if namespace in seen:
            continue
        if namespace is not None:
            seen.add(namespace)
        yield process, (mount for mount in _mounts(str(process)) if mount not in known)


def _namespace(process: str) -> str | None:
    """Which mounts the process has; None where this user may not know, or it is gone."""
    with suppress(OSError):
        return os.readlink(f"/proc/{process}/ns/mnt")  # noqa: PTH115 -- no path, but a name
    return None


def _mounts(process: str) -> Iterator[_Mount]:
    """Those of a process, none where it is gone or this user may not know them."""
    with suppress(OSError), Path(f"/proc/{process}/mountinfo").open("rb") as lines:
        for line in lines:
            first, _, last = line.partition(b" - ")
            _, _, device, root, place, *_ = first.split()
            yield _Mount(device, _plain(root), _plain(place), _plain(last.split(b" ")[1]))


def _plain(escaped: bytes) -> str:
    """The kernel writes blanks and backslashes as octal numbers."""
    return os.fsdecode(escaped.decode("unicode_escape").encode("latin-1"))


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))  # noqa: PTH118 -- with a slash at the end
