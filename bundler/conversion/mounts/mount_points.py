"""What a runtime mounts onto, as far as config.json and the target tell: known before anything is mounted."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bundler.conversion.mounts.etc_files import etc_mounts, generated_files
from bundler.conversion.mounts.mounts import folders
from bundler.conversion.mounts.volumes import content_files
from bundler.conversion.process.init import chosen_init
from bundler.conversion.rule import Inputs
from bundler.conversion.target import ON_EVERY_MACHINE, Kind
from bundler.origins import Json
from bundler.runtime_spec.bind_mounts import is_bind

# dockerd lays these over every image (its init layer) but for /.dockerenv, which says that Docker runs the container.
# What does not begin with a word of Kind is the target of a symlink.
DOCKERS: Final[Mapping[str, str]] = {
    "/dev": "directory",
    "/dev/console": "file",
    "/dev/pts": "directory",
    "/dev/shm": "directory",  # noqa: S108 -- in the container
    "/etc": "directory",
    "/etc/hostname": "file",
    "/etc/hosts": "file",
    "/etc/mtab": "/proc/mounts",
    "/etc/resolv.conf": "file",
    "/proc": "directory",
    "/sys": "directory",
}
# Of these the image keeps its own where nothing is mounted on them (`etc_files: image`).
OWN_OF_THE_IMAGE: Final = frozenset(("/etc/hostname", "/etc/hosts", "/etc/resolv.conf"))


@dataclass(frozen=True, slots=True)
class Mounted:
    """One mount. `kind` is what it needs to be mounted onto, None where only the machine that runs it can tell.

    `source` is the path in the bundle of what is mounted; empty where that is not of the bundle.
    """

    destination: str
    kind: Kind | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class MountNode:
    """A device that a runtime makes before it starts anything: `type` is the runtime-spec's letter."""

    path: str
    type: str
    numbers: tuple[int, int]
    mode: int
    uid: int
    gid: int


def mounted(inputs: Inputs, document: Mapping[str, Json]) -> list[Mounted]:
    """The mounts of config.json, in their order, and the devices that runtimes mount in a user namespace."""
    known = _known(inputs)
    mounts = [_mounted(mount, known) for mount in document.get("mounts") or ()]
    return mounts + [Mounted(str(device["path"]), "file") for device in _devices(document, mounted=True)]


def nodes(document: Mapping[str, Json]) -> list[MountNode]:
    """The devices of config.json, where runtimes make them, with the runtimes' defaults."""
    return [
        MountNode(
            str(device["path"]),
            str(device["type"]),
            (device.get("major") or 0, device.get("minor") or 0),
            device.get("fileMode", 0o666) & 0o7777,
            device.get("uid") or 0,
            device.get("gid") or 0,
        )
        for device in _devices(document, mounted=False)
    ]


def _devices(document: Mapping[str, Json], *, mounted: bool) -> Sequence[Mapping[str, Json]]:
    """mknod(2) is denied in a user namespace, so there the machine's own devices are mounted."""
    linux = document.get("linux") or {}
    maps = any(namespace.get("type") == "user" for namespace in linux.get("namespaces") or ())
    return linux.get("devices") or () if maps == mounted else ()


def of_the_bundle(mount: Mapping[str, Json]) -> str:
    """The clean path in the bundle that a mount has its source at (config.md: it may be relative), or nothing."""
    source = str(mount.get("source") or "")
    return posixpath.normpath(source) if is_bind(mount) and source and not source.startswith("/") else ""


def _mounted(mount: Mapping[str, Json], known: Mapping[str, Kind]) -> Mounted:
    if not is_bind(mount):
        return Mounted(str(mount["destination"]), "directory")
    source = posixpath.normpath(str(mount.get("source") or ""))
    return Mounted(str(mount["destination"]), known.get(source), of_the_bundle(mount))


def _known(inputs: Inputs) -> dict[str, Kind]:
    """What is at a source, by the path that a bind names it with."""
    init = chosen_init(inputs)
    files = [f"etc/{name}" for name in generated_files(inputs)]
    files += [str(mount.value["source"]) for mount in etc_mounts(inputs)]
    files += [] if init is None else [init.source]
    files += content_files(inputs)
    directories = [path for folder in folders(inputs) for path in (folder.path, *_parts(folder.path, folder.subpaths))]
    return {
        **ON_EVERY_MACHINE,
        **inputs.target.sources,
        **dict.fromkeys(files, "file"),
        **dict.fromkeys(directories, "directory"),
    }


def _parts(folder: str, subpaths: Iterable[str]) -> Iterable[str]:
    return (posixpath.normpath(f"{folder}/{subpath}") for subpath in subpaths)
