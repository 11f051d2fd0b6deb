"""The user's data in a bundle: the folders that a container writes to, and their files.

These are the volumes, and the bundle's own folders that overrides mount (`./data:/data`). A volume that was filled from
the image holds nothing of its user while it is what the rootfs has at that place (seeds.py); one that begins empty,
while it is.

In a backup each folder is complete by itself: a file with names in two folders becomes two files. Sockets belong to a
process, and devices to a machine; neither is data.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import BundleFile, BundleFiles, bundle_owners, failure_at
from bundler.bundles.seeds import is_seed
from bundler.errors import BundlerError, printable
from bundler.origins import Json
from bundler.rootfs.attributes import Attributes, is_kept
from bundler.rootfs.home import TreeFile
from bundler.rootfs.mtree import HEADER, encode_path, sort_key, write_entry
from bundler.rootfs.scan import hash_ahead, manifest_entry, walk, walk_folder
from bundler.rootfs.tree import Tree

VOLUMES: Final = "volumes"
# Folders that bundler fills: the image's files, those it generates, and a mount point that is empty on disk.
_NOT_THE_USERS: Final = frozenset({"rootfs", "etc", "hooks", "images", "shm"})


def data_places(recorded: Mapping[str, Json]) -> set[str]:
    """The paths in a bundle of the folders that may hold data: each volume, and the other folders that are mounted."""
    parts = (PurePosixPath(path).parts for path in recorded_folders(recorded))
    return {"/".join(part[: 2 if part[0] == VOLUMES else 1]) for part in parts if part[0] not in _NOT_THE_USERS}


def is_data_place(path: str) -> bool:
    """Whether a bundle could have a data folder of this path: `volumes/NAME`, or a folder at its top."""
    parts = PurePosixPath(path).parts
    depth = 2 if parts[:1] == (VOLUMES,) else 1
    named = "/".join(parts) == path and len(parts) == depth and "\0" not in path
    return named and not {".", ".."}.intersection(parts) and parts[0] not in _NOT_THE_USERS


def data_folders(bundle: Path, recorded: Mapping[str, Json]) -> list[str]:
    """The data folders that exist in the bundle, and whatever else lies in volumes/."""
    volumes = bundle / VOLUMES
    inside = os.listdir(volumes) if volumes.is_dir() and not volumes.is_symlink() else []  # noqa: PTH208
    paths = data_places(recorded).union(f"{VOLUMES}/{name}" for name in inside)
    return sorted(path for path in paths if os.path.lexists(bundle / path))


def recorded_folders(recorded: Mapping[str, Json]) -> Mapping[str, Json]:
    """The folders in bundler.json, each with what it was filled from."""
    folders = recorded.get("folders")
    return {path: seed for path, seed in folders.items() if path} if isinstance(folders, dict) else {}


def is_empty(bundle: Path, path: str) -> bool:
    """Whether a data folder is an empty directory."""
    folder = bundle / path
    return folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())


def holds_data(bundle: Path, path: str, recorded: Mapping[str, Json]) -> bool:
    """Whether the data folder holds anything that was not there when the bundle was built. Raises BundlerError."""
    if is_empty(bundle, path):
        return False
    folder = bundle / path
    if folder.is_symlink() or not folder.is_dir():
        return True
    known = recorded_folders(recorded)
    seed = known.get(path)
    try:
        with Tree(folder, bundle_owners()) as tree:
            if isinstance(seed, str):
                return not is_seed(tree, Bundle(bundle), os.fsencode(seed))
            below = {parent for each in known for parent in _upward(each)}
            return any(f"{path}/{os.fsdecode(file.path)}" not in below for file in walk(tree) if file.path)
    except OSError as error:
        raise failure_at(folder, error) from error


def _upward(path: str) -> Iterator[str]:
    yield path
    yield from map(str, PurePosixPath(path).parents)


DEVICES: Final = (stat.S_IFCHR, stat.S_IFBLK)


class DataFiles(BundleFiles):
    """The files of `folders`, each a directory of the bundle at `path`; `devices` counts those that were left out.

    Unless `owned`, all have to belong to this user, and are root's here, as in a rootless bundle.
    """

    def __init__(self, path: Path, folders: Sequence[str], *, owned: bool) -> None:
        super().__init__(path, owned=owned)
        self.devices = 0
        self._folders = sorted(map(os.fsencode, folders), key=sort_key)

    def walk(self, tree: Tree) -> Iterator[BundleFile]:
        """Folder by folder, a directory before what it holds."""
        for folder in self._folders:
            first: dict[tuple[int, int], bytes] = {}
            for file in walk_folder(tree, folder):
                self.devices += file.kind in DEVICES
                if file.kind == stat.S_IFSOCK or file.kind in DEVICES:
                    continue
                file.attributes = self._normal(file)
                known = file.path if file.inode is None else first.setdefault(file.inode, file.path)
                yield BundleFile(file, None if known == file.path else known)

    def _normal(self, file: TreeFile) -> Attributes:
        attributes = file.attributes
        xattrs = {name: value for name, value in attributes.xattrs.items() if is_kept(name, file.kind, value)}
        uid, gid = attributes.uid, attributes.gid
        if not self.owned:
            if uid != os.geteuid():
                raise BundlerError(f"{printable(file.path)} belongs to another user", hint="do this as root")
            uid = gid = 0
        return Attributes(attributes.mode, uid, gid, attributes.mtime, attributes.mtime, xattrs)


def write_data_manifest(files: DataFiles, manifest: Path) -> str:
    """Write the new file `manifest`, which describes all of `files`; its sha256 in hexadecimal. Raises BundlerError."""
    digest = hashlib.sha256()
    with files.open() as tree, manifest.open("xb") as stream:
        for line in _manifest_lines(files, tree):
            stream.write(line)
            digest.update(line)
    return digest.hexdigest()


def data_line(file: TreeFile, digest: str | None, first: bytes | None) -> bytes:
    """The line of a file in such a manifest; a further name of a file only refers to the first name."""
    if first is not None:
        return write_entry(encode_path(file.path), b"type=file", b"hardlink=" + encode_path(first))
    file.links = 1
    return manifest_entry(file, digest, None)


def _manifest_lines(files: DataFiles, tree: Tree) -> Iterator[bytes]:
    yield HEADER
    for file, digest in hash_ahead(tree, files.walk(tree), _to_hash):
        yield data_line(file.tree_file, digest, file.first)


def _to_hash(file: BundleFile) -> TreeFile | None:
    return file.tree_file if file.first is None and file.tree_file.kind == stat.S_IFREG else None
