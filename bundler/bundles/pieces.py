"""The pieces of a bundle: the files that bundler wrote, and everything on the way to what config.json mounts.

They are looked at without following any link.
"""

import os
import posixpath
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Self

from bundler.errors import DifferenceError, printable
from bundler.input_files import descend
from bundler.light_dataclasses import dataclass
from bundler.overrides.bundle_paths import is_shared_volume
from bundler.rootfs.paths import ancestors
from bundler.runtime_spec.parts import IdMapping
from bundler.runtime_spec.reach import mounted_paths
from bundler.runtime_spec.runtime_config import RuntimeConfig

# Folders of files that have their digests in bundler.json. They hold no folders.
FOLDERS: Final = ("etc", "hooks")
_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the bundle: its type (S_IFMT), permissions, owner, and number of names."""

    kind: int
    mode: int
    uid: int
    gid: int
    links: int = 1

    @property
    def is_folder(self) -> bool:
        return self.kind == stat.S_IFDIR

    @property
    def is_single_file(self) -> bool:
        """Whether it is a regular file with one name, so that nothing can write to it by another."""
        return self.kind == stat.S_IFREG and self.links == 1

    @property
    def is_shared(self) -> bool:
        """Whether it is a regular file with several names whose mode lets no user write to it."""
        return self.kind == stat.S_IFREG and not self.mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


Pieces = Mapping[str, Piece]
"""By path in the bundle; the bundle's own directory is the empty one."""


@dataclass(frozen=True, slots=True)
class BundleMounts:
    """What a config.json says of the bundle: the clean paths in it that are mounted, and who may own what is mounted.

    That is the container's root, whose ids on the machine are other ones in a user namespace.
    """

    sources: Collection[str] = frozenset()
    users: Collection[int] = frozenset()
    groups: Collection[int] = frozenset()

    @classmethod
    def of(cls, config: RuntimeConfig) -> Self:
        return cls(sources(config), _roots(config.uid_mappings), _roots(config.gid_mappings))


def sources(config: RuntimeConfig) -> frozenset[str]:
    """The paths in the bundle that the runtime config mounts from, clean."""
    paths = {posixpath.normpath(mount.path) for mount in mounted_paths(config) if not mount.path.startswith("/")}
    return frozenset(path for path in paths if path != "." and path.partition("/")[0] != "..")


def shared_sources(config: RuntimeConfig) -> frozenset[str]:
    """Those in the volumes of a project, by their paths in the project."""
    return frozenset(mount.path.removeprefix("../") for mount in mounted_paths(config) if is_shared_volume(mount.path))


def _roots(mappings: Iterable[IdMapping]) -> frozenset[int]:
    return frozenset(mapping.host_id for mapping in mappings if mapping.container_id == 0)


def on_the_way(paths: Iterable[str]) -> set[str]:
    """The paths, and those of all folders that hold them."""
    return {os.fsdecode(each) for path in map(os.fsencode, paths) for each in (path, *ancestors(path)) if each}


def look(bundle: Path, wanted: Collection[str]) -> dict[str, Piece]:
    """What is at the top of the bundle, in its FOLDERS, and at the paths `wanted`, as far as it is there. OSError."""
    top = os.open(bundle, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        pieces = {"": _piece(os.fstat(top))}
        pieces |= _listed(top, "")
        for name in FOLDERS:
            if name in pieces and pieces[name].is_folder:
                folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
                try:
                    pieces |= _listed(folder, f"{name}/")
                finally:
                    os.close(folder)
        for path in sorted(on_the_way(wanted)):  # what holds a path comes before it
            above = pieces.get(posixpath.dirname(path))
            if "/" in path and path not in pieces and above is not None and above.is_folder:
                pieces |= _at(top, path)
        return pieces
    finally:
        os.close(top)


def _listed(folder: int, prefix: str) -> dict[str, Piece]:
    """What an open directory holds. Sockets belong to a process and not to the bundle."""
    pieces = {}
    for name in sorted(os.listdir(folder)):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISSOCK(status.st_mode):
            pieces[prefix + name] = _piece(status)
    return pieces


def _at(top: int, path: str) -> dict[str, Piece]:
    above, name = posixpath.split(path)
    folder = descend(top, above.split("/"), _FOLDER)
    try:
        return {path: _piece(os.stat(name, dir_fd=folder, follow_symlinks=False))}
    except FileNotFoundError:
        return {}
    finally:
        os.close(folder)


def _piece(status: os.stat_result) -> Piece:
    return Piece(
        stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_nlink
    )


def misled(pieces: Pieces, paths: Iterable[str]) -> Iterator[str]:
    """Of `paths`, and what holds them, each that leads elsewhere or can be reached from there: a symlink, a file of
    several names, a fifo, a device. What is not there leads nowhere.
    """
    wanted = set(paths)
    for path in sorted(on_the_way(wanted)):
        piece = pieces.get(path)
        if piece is not None and not (piece.is_folder or (path in wanted and piece.is_single_file)):
            yield path


def check_sources(bundle: Path, config: RuntimeConfig, label: str | None = None) -> None:
    """Raise DifferenceError where a mount would take something that the bundle does not hold itself. Raises OSError.

    A container could write there, and so could the bundle's hooks, which are the machine's root. `label` names the
    bundle in messages, if not its path.
    """
    places = (("bundle", bundle, sources(config)), ("project", bundle.parent, shared_sources(config)))
    for whole, folder, wanted in places:
        for path in misled(look(folder, wanted), wanted) if wanted else ():
            what = (
                f"{label or printable(str(bundle))} is not what was built: {printable(path)} leads out of the {whole}"
            )
            raise DifferenceError(what, hint="put a folder in its place, and mount another disk or folder onto that")
