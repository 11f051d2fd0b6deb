"""How runtimes know a bundle: by a container's id, and by who makes its control group."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.runtime_spec.bind_mounts import is_bind

# What every runtime takes as an id and systemd in the name of a unit, short enough for `-health.service`.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
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


def asks_systemd(document: Mapping[str, Json], recorded: Mapping[str, Json]) -> bool:
    """Whether the runtime is to ask systemd for the control group: by the form of its path, else by the target."""
    path = (document.get("linux") or {}).get("cgroupsPath")
    if path:
        return bool(_SYSTEMD_PATH.fullmatch(path))
    return part_of(recorded, "target").get("cgroup_manager") == "systemd"


def part_of(recorded: Mapping[str, Json], key: str) -> dict[str, Json]:
    """An object of bundler.json, empty where there is none. Raises RequestError for anything else."""
    found = recorded.get(key, {})
    if not isinstance(found, dict):
        raise RequestError(f"bundler.json: {key}: not an object")
    return found


def bind_sources(document: Mapping[str, Json]) -> Iterable[tuple[str, str]]:
    """Destination and source of everything that is mounted from elsewhere."""
    for mount in document.get("mounts") or []:
        source = mount.get("source")
        if isinstance(source, str) and is_bind(mount):
            yield mount["destination"], source


def shared_memory(document: Mapping[str, Json]) -> str | None:
    """The bundle's folder that is /dev/shm, for which no daemon keeps a tmpfs mounted; None where there is none."""
    return next((source for place, source in bind_sources(document) if (place, source) == ("/dev/shm", "shm")), None)  # noqa: S108


def needed_init(document: Mapping[str, Json]) -> str | None:
    """The path of the init that the machine has to have; None where there is none, or the bundle carries its own."""
    sources = (source for place, source in bind_sources(document) if place == "/sbin/docker-init")
    return next((source for source in sources if source.startswith("/")), None)
