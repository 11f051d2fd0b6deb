"""Mount points that a runtime has left in the rootfs of a container that ran, because the build could not make them.

They are for files and directories of the machine whose kinds no target states. They are empty, and covered whenever the
container runs, so that they do not count as changes.
"""

import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Self

from bundler.bundles.bundle import Bundle
from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass
from bundler.rootfs.home import Home, TreeFile
from bundler.rootfs.mount_points import Mounts
from bundler.rootfs.mtree import Listed, MtreeError, encode_path, nanoseconds, read_lines
from bundler.rootfs.owners import Owners
from bundler.rootfs.paths import ancestors, join, split
from bundler.rootfs.tree import Tree
from bundler.runtime_spec.runtime_config import RuntimeConfig

Plain = tuple[tuple[bytes, ...], tuple[tuple[bytes, int], ...]]
"""Paths, and paths with times."""


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """`paths` were not built; `times` are those that the directories had which they were made in (nanoseconds)."""

    paths: Collection[bytes] = frozenset()
    times: Mapping[bytes, int] = field(default_factory=dict)

    def plain(self) -> Plain:
        """The same as plain values, for another process."""
        return tuple(self.paths), tuple(self.times.items())

    @classmethod
    def of(cls, plain: Plain) -> Self:
        """The inverse of `plain`."""
        paths, times = plain
        return cls(frozenset(paths), dict(times))

    def taken_from(self, files: Iterable[TreeFile], below: bytes = b"") -> Iterator[TreeFile]:
        """`files`, in which the rootfs lies `below`, as they were before."""
        paths, times = (
            {join(below, path) if path else below: path for path in names} for names in (self.paths, self.times)
        )
        for file in files:
            if file.path in times:
                file.attributes.mtime = self.times[times[file.path]]
            if file.path not in paths:
                yield file


def find_left_behind(bundle: Bundle, owners: Owners) -> LeftBehind:
    """The mount points that were left in a bundle; none if its documents are invalid, or this user may not look."""
    try:
        destinations = _destinations(bundle.config)
        if not destinations:
            return LeftBehind()
        with Tree(bundle.path / "rootfs", owners) as tree:
            empty = mount_points(tree, destinations)
            listed = _times(bundle, {*empty, *(split(path)[0] for path in empty)}) if empty else {}
            left = mount_points(tree, destinations, empty - listed.keys())
    except (RequestError, MtreeError, OSError):
        return LeftBehind()
    return LeftBehind(left, {above: listed[above] for path in left if (above := split(path)[0]) in listed})


def _destinations(config: RuntimeConfig) -> list[str]:
    """Where the config mounts files and directories of the machine."""
    of_the_machine = (mount for mount in config.mounts if mount.is_bind and (mount.source or "").startswith("/"))
    return [mount.destination for mount in of_the_machine if mount.destination]


def _times(bundle: Bundle, paths: Collection[bytes]) -> dict[bytes, int]:
    """Those that rootfs.mtree has of `paths`, as far as it knows them. Raises MtreeError."""
    names = {encode_path(path): path for path in paths}
    entries = map(Listed, read_lines(bundle.manifest()))
    return {names[entry.name]: nanoseconds(entry.keywords) for entry in entries if entry.name in names}


def mount_points(tree: Home, destinations: Iterable[str], new: Collection[bytes] | None = None) -> set[bytes]:
    """Those of the paths `new` (None: any) that are there to be mounted onto, and directories made for them.

    They are empty: with something in it, a place is no mount point any more. Raises OSError.
    """
    spots = (Mounts(tree).locate(destination) for destination in destinations)
    wanted = {spot.path for spot in spots if spot is not None}
    looked_at = {path for destination in wanted for path in (destination, *ancestors(destination)) if path}
    left: set[bytes] = set()
    for path in sorted(looked_at if new is None else looked_at & set(new), reverse=True):
        if _is_empty(tree, path, left, is_wanted=path in wanted):
            left.add(path)
    return left


def _is_empty(tree: Home, path: bytes, left: set[bytes], *, is_wanted: bool) -> bool:
    try:
        file = tree.look(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if file is None:
        return False
    if file.kind == stat.S_IFDIR:
        return all(join(path, name) in left for name in tree.names(path))
    return is_wanted and file.kind == stat.S_IFREG and not file.size
