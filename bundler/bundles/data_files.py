"""The files of a bundle's data folders: volumes, and what else a container writes to, as a backup has them.

Each folder stands for itself: what has another name in another folder is a file of its own here. Sockets belong to a
process, and devices to a machine; neither is data.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bundler.bundles.files import BundleFile, BundleFiles
from bundler.errors import BundlerError, printable
from bundler.rootfs.attributes import Attributes, is_kept
from bundler.rootfs.mtree import HEADER, encode_path, sort_key, write_entry
from bundler.rootfs.scan import Found, hash_ahead, manifest_entry, walk
from bundler.rootfs.tree import Tree

DEVICES: Final = (stat.S_IFCHR, stat.S_IFBLK)
# Sorts behind all that a folder holds, and before every other name that begins with the folder's.
_BEHIND: Final = b"\x01"


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
            for found in walk(tree, folder, folder + _BEHIND):
                self.devices += found.kind in DEVICES
                if found.kind == stat.S_IFSOCK or found.kind in DEVICES:
                    continue
                found.attributes = self._normal(found)
                known = found.path if found.file is None else first.setdefault(found.file, found.path)
                yield BundleFile(found, None if known == found.path else known)

    def _normal(self, found: Found) -> Attributes:
        attributes = found.attributes
        xattrs = {name: value for name, value in attributes.xattrs.items() if is_kept(name, found.kind, value)}
        uid, gid = attributes.uid, attributes.gid
        if not self.owned:
            if uid != os.geteuid():
                raise BundlerError(f"{printable(found.path)} belongs to another user", hint="do this as root")
            uid = gid = 0
        return Attributes(attributes.mode, uid, gid, attributes.mtime, attributes.mtime, xattrs)


def write_data_manifest(files: DataFiles, manifest: Path) -> str:
    """Write the new file `manifest`, which describes all of `files`; its sha256 in hexadecimal. Raises BundlerError."""
    digest = hashlib.sha256()
    with files.open() as tree, manifest.open("xb") as stream:
        for line in _lines(files, tree):
            stream.write(line)
            digest.update(line)
    return digest.hexdigest()


def data_line(found: Found, digest: str | None, first: bytes | None) -> bytes:
    """What such a manifest says of a file; of a further name, only which one is the first."""
    if first is not None:
        return write_entry(encode_path(found.path), b"type=file", b"hardlink=" + encode_path(first))
    found.links = 1
    return manifest_entry(found, digest, None)


def _lines(files: DataFiles, tree: Tree) -> Iterator[bytes]:
    yield HEADER
    for file, digest in hash_ahead(tree, files.walk(tree), _to_hash):
        yield data_line(file.found, digest, file.first)


def _to_hash(file: BundleFile) -> Found | None:
    return file.found if file.first is None and file.found.kind == stat.S_IFREG else None
