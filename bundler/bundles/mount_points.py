"""Making mount points when a bundle is built, as dockerd makes them before it starts a container.

So a start changes nothing in the rootfs, which may be read-only. Mount points in the rootfs are in rootfs.mtree like
the image's own files; those in a folder of the bundle (a mount inside a volume) are made in that folder.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from bundler.conversion.mounts.mount_points import DOCKERS, OWN_OF_THE_IMAGE, Mounted, MountNode
from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.directories import explain
from bundler.rootfs.home import Home
from bundler.rootfs.mount_points import DeviceNode, Mounts, encoded, make
from bundler.rootfs.owners import Owners
from bundler.rootfs.paths import join
from bundler.rootfs.tree import Tree

_TYPES: Final = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


class PointInside(NamedTuple):
    """A mount point in a folder of the bundle."""

    folder: str
    path: bytes
    kind: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class MountPoints:
    """`made` are paths of the rootfs that bundler has made or replaced; `inside` is still to be made."""

    made: list[bytes] = field(default_factory=list)
    inside: list[PointInside] = field(default_factory=list)


def make_mount_points(tree: Home, mounts: Sequence[Mounted], nodes: Sequence[MountNode] = ()) -> MountPoints:
    """Those of the rootfs `tree`, for `mounts` in the order of config.json, and `nodes`. Raises BundlerError.

    What the image has at such a place stays, whatever it is: where nothing can be mounted on it, the doctor says so.
    """
    points = MountPoints()
    try:
        _make_dockers(tree, points, {mount.destination for mount in mounts})
        known = _make_destinations(tree, points, mounts)
        _make_nodes(tree, points, known, nodes)
    except OSError as error:
        raise explain(error, "the mount points") from error
    return points


def make_inside(bundle: Path, points: MountPoints, owners: Owners) -> None:
    """Those on folders of the bundle. Where a volume has a symlink on the way, the runtime finds its own. Raises
    BundlerError.
    """
    if not points.inside:
        return
    try:
        with Tree.open(bundle, owners) as tree:
            folders = Mounts(tree)
            for point in points.inside:
                whole = join(os.fsencode(point.folder), point.path)
                spot = folders.locate(os.fsdecode(whole))
                if spot is not None and spot.path == whole:
                    make(tree, whole, point.kind, mode=point.mode)
    except OSError as error:
        raise explain(error, "the mount points in volumes") from error


def _make_dockers(tree: Home, points: MountPoints, destinations: set[str]) -> None:
    """Docker's own. What is no mount point and in the way of one is replaced, as dockerd replaces it."""
    for path, kind in DOCKERS.items():
        if path in destinations or path not in OWN_OF_THE_IMAGE:
            is_in_the_way = partial(_is_in_the_way, path, mounted=path in destinations)
            _note(points, make(tree, encoded(path)[1:], kind, replaced=is_in_the_way))


def _is_in_the_way(path: str, there: int, *, mounted: bool) -> bool:
    """Whether what is `there` (an S_IF... type) has to go. A symlink may stay where nothing is mounted on it."""
    if DOCKERS[path] == "directory":
        return there != stat.S_IFDIR and (mounted or there != stat.S_IFLNK)
    return path in OWN_OF_THE_IMAGE and there not in (stat.S_IFREG, stat.S_IFDIR)


def _make_destinations(tree: Home, points: MountPoints, mounts: Sequence[Mounted]) -> Mounts:
    known, sources = Mounts(tree), dict[bytes, str]()
    for mount in mounts:
        spot = known.locate(mount.destination)
        if spot is None:
            continue
        if mount.kind is not None and spot.mount is None:
            _note(points, make(tree, spot.path, mount.kind, mode=mount.mode))
        elif mount.kind is not None and spot.mount is not None and spot.path != spot.mount and sources[spot.mount]:
            path = spot.path[len(spot.mount) + 1 :]
            points.inside.append(PointInside(sources[spot.mount], path, mount.kind, mount.mode))
        known.add(spot)
        sources[spot.path] = mount.source
    return known


def _make_nodes(tree: Home, points: MountPoints, known: Mounts, nodes: Sequence[MountNode]) -> None:
    """Devices that are not on a mount, as all those of /dev are."""
    for node in nodes:
        spot = known.locate(node.path)
        if spot is not None and spot.mount is None:
            attributes = Attributes(mode=node.mode, uid=node.uid, gid=node.gid)
            _note(points, make(tree, spot.path, DeviceNode(_TYPES[node.type], node.numbers, attributes)))


def _note(points: MountPoints, made: bytes | None) -> None:
    if made is not None:
        points.made.append(made)
