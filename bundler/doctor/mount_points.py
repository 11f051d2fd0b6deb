"""What a bundle's mounts will be mounted onto, and whether what is missing there can be made."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from bundler.light_dataclasses import dataclass
from bundler.rootfs.home import FILE_TYPES, Home
from bundler.rootfs.mount_points import Mounts, MountSpot
from bundler.rootfs.paths import join
from bundler.rootfs.tree import Tree
from bundler.runtime_spec.parts import Mount
from bundler.runtime_spec.runtime_config import RuntimeConfig


@dataclass(frozen=True, slots=True)
class MountPoint:
    """The destination of a mount, or the place of a device; `kind` is what is there: `directory`, `file`, `missing`,
    another word, `nowhere` where something else is in its way, `unknown` on what another mount brings.

    `below` is that mount's source in the bundle, empty for the rootfs. `fixed` says that nothing can be made there.
    """

    pointer: str
    path: str
    kind: str
    below: str = ""
    fixed: bool = False


def look_at_mount_points(
    bundle: Path, config: RuntimeConfig, tree: Home, *, here: bool, read_only: bool
) -> tuple[MountPoint, ...]:
    """Those of all mounts and devices, in their order, where `tree` is the root filesystem. Raises OSError.

    `here` says that this machine will run the bundle, `read_only` that nothing can be made in its root filesystem.
    """
    fixed = {"": read_only}
    mounts, sources, points = Mounts(tree), dict[bytes, str](), []
    with Tree(bundle.resolve()) as whole:
        for pointer, path, mount in _places(config):
            spot = mounts.locate(path)
            if spot is None:
                points.append(MountPoint(pointer, path, "nowhere"))
                continue
            below = "" if spot.mount is None else sources[spot.mount]
            kind = _kind(tree, spot.path) if spot.mount is None else _kind_below(whole, sources, spot)
            if below not in fixed:
                fixed[below] = here and is_read_only(bundle / below)
            points.append(MountPoint(pointer, path, kind, below, fixed[below]))
            if mount is not None:
                mounts.add(spot)
                sources[spot.path] = mount.bundle_source
    return tuple(points)


def _places(config: RuntimeConfig) -> Iterator[tuple[str, str, Mount | None]]:
    """Pointer, path and mount; then those of devices, which are made when all is mounted."""
    yield from ((mount.pointer, mount.destination, mount) for mount in config.mounts)
    yield from ((device.pointer, device.path, None) for device in config.devices)


def _kind(tree: Home, path: bytes) -> str:
    try:
        return FILE_TYPES.get(tree.kind(path), "missing")
    except PermissionError:
        return "unknown"
    except OSError:
        return "missing"


def _kind_below(bundle: Tree, sources: Mapping[bytes, str], spot: MountSpot) -> str:
    """On another mount: known where that is a folder of the bundle, and no symlink is on the way."""
    if spot.mount is None or spot.mount == spot.path or not sources[spot.mount]:
        return "unknown"
    path = join(os.fsencode(sources[spot.mount]), spot.path[len(spot.mount) + 1 :])
    located = Mounts(bundle).locate(os.fsdecode(path))
    return _kind(bundle, path) if located is not None and located.path == path else "unknown"


def is_read_only(path: Path) -> bool:
    return _has_flag(path, os.ST_RDONLY)


def forbids_execution(path: Path) -> bool:
    return _has_flag(path, os.ST_NOEXEC)


def _has_flag(path: Path, flag: int) -> bool:
    """Whether what `path` lies on is mounted so, for all or just here (statvfs(3))."""
    try:
        return bool(os.statvfs(path).f_flag & flag)
    except (OSError, ValueError):
        return False
