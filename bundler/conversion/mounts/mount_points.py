"""What a runtime mounts onto, as far as config.json and the target tell: known before anything is mounted."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bundler.conversion.mounts.etc_files import etc_mounts, generated_files
from bundler.conversion.mounts.mounts import folders
from bundler.conversion.mounts.volumes import content_files
from bundler.conversion.process.init import chosen_init
from bundler.conversion.rule import Inputs
from bundler.conversion.target import ON_EVERY_MACHINE, Kind
from bundler.light_dataclasses import dataclass
from bundler.runtime_spec.parts import Device, Mount
from bundler.runtime_spec.runtime_config import RuntimeConfig

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
_MODE: Final = re.compile("mode=[0-7]{1,10}")


@dataclass(frozen=True, slots=True)
class Mounted:
    """One mount. `kind` is what it needs to be mounted onto, None where only the machine that runs it can tell.

    `source` is the path in the bundle of what is mounted; empty where that is not of the bundle. `mode` is that of a
    directory made for it.
    """

    destination: str
    kind: Kind | None
    source: str = ""
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class MountNode:
    """A device that a runtime makes before it starts anything: `type` is the runtime-spec's letter."""

    path: str
    type: str
    numbers: tuple[int, int]
    mode: int
    uid: int
    gid: int


def mounted(inputs: Inputs, config: RuntimeConfig) -> list[Mounted]:
    """The mounts of config.json, in their order, and the devices that runtimes mount in a user namespace."""
    known = _known(inputs)
    mounts = [_mounted(mount, known) for mount in config.mounts]
    return mounts + [Mounted(device.path, "file") for device in _devices(config, mounted=True)]


def nodes(config: RuntimeConfig) -> list[MountNode]:
    """The devices of config.json, where runtimes make them, with the runtimes' defaults."""
    return [
        MountNode(
            device.path,
            device.type,
            (device.major or 0, device.minor or 0),
            (0o666 if device.file_mode is None else device.file_mode) & 0o7777,
            device.uid or 0,
            device.gid or 0,
        )
        for device in _devices(config, mounted=False)
    ]


def _devices(config: RuntimeConfig, *, mounted: bool) -> Sequence[Device]:
    """mknod(2) is denied in a user namespace, so there the machine's own devices are mounted."""
    return config.devices if config.has_namespace("user") == mounted else ()


def _mounted(mount: Mount, known: Mapping[str, Kind]) -> Mounted:
    if not mount.is_bind:
        return Mounted(mount.destination, "directory", mode=_tmpfs_mode(mount) if mount.type == "tmpfs" else 0o755)
    return Mounted(mount.destination, known.get(posixpath.normpath(mount.source or "")), mount.bundle_source)


def _tmpfs_mode(mount: Mount) -> int:
    """What the kernel gives one without a mode, or the mode of its options.

    runc gives a tmpfs the mode of the directory that it finds, before 1.1.8 in spite of its options. In a container of
    Docker it finds none where the image has none: the directory that is made here must not matter.
    """
    modes = [option.removeprefix("mode=") for option in mount.options if _MODE.fullmatch(option)]
    return int(modes[-1], 8) & 0o7777 if modes else 0o1777


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
