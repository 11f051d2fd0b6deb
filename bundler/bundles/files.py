"""All files of a bundle, as they are packed or compared: in order, without attributes that only this machine has."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bundler.bundles.verification.left_behind import LeftBehind
from bundler.disk_space import FullDiskError
from bundler.errors import BundlerError, printable
from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import Attributes, is_kept
from bundler.rootfs.directories import explain
from bundler.rootfs.home import TreeFile
from bundler.rootfs.mtree import encode_path
from bundler.rootfs.owners import RECORD, Owners, kept, read_record, written_down
from bundler.rootfs.scan import manifest_entry, walk
from bundler.rootfs.tree import Tree
from bundler.sizes import readable_size

MOST: Final = 1 << 30
"""Bytes of zeros that stand for holes in one archive. Files of databases have some; what has more was made to."""


class WrittenOut:
    """Counts the bytes of holes that are written out into an archive: a small file may claim terabytes of them."""

    def __init__(self, label: str, hint: str) -> None:
        self._label = label
        self._hint = hint
        self._holes = 0

    def add(self, path: bytes, size: int, stored: int) -> None:
        """A file of `size` bytes, of which `stored` are on disk. Raises BundlerError."""
        self._holes += max(0, size - stored)
        if self._holes > MOST:
            what = f"{self._label}: {printable(path)} has {readable_size(size)}, {readable_size(stored)} of it on disk"
            raise BundlerError(f"{what}, and its holes would be written out", hint=self._hint)


ROOTFS: Final = b"rootfs"
# They come first, so that a reader of a packed bundle knows from the beginning what it is to be.
DOCUMENTS: Final = (b"bundler.json", b"config.json", b"images.mtree", b"rootfs.mtree")
# Whose files have owners of their own in any case: only an image can be made by a user who cannot give files away.
_UNPACKED: Final = (b"rootfs/", b"images/")
# Whose files have times of their own: an image's, or those of the container that has run.
_DATED: Final = (b"rootfs", b"volumes", b"images")


@dataclass(slots=True)
class BundleFile:
    """One path of a bundle. If it is a further name of a file, `first` is the earlier one."""

    tree_file: TreeFile
    first: bytes | None = None

    @property
    def in_rootfs(self) -> bool:
        return self.tree_file.path == ROOTFS or self.tree_file.path.startswith(ROOTFS + b"/")


class BundleFiles:
    """The files of the bundle at `path`, an existing directory.

    `owned` says whether its files have owners: a rootless bundle's are the builder's own, and are root's here.
    Unless `normalised`, files are as they are on disk. `left` is not of the bundle.
    """

    def __init__(self, path: Path, *, owned: bool, normalised: bool = True, left: LeftBehind | None = None) -> None:
        self._left = left or LeftBehind()
        self.owned = owned
        self._normalised = normalised
        self._path = path
        self._user = path.stat().st_uid or None  # the ordinary user who has built it

    @contextmanager
    def open(self) -> Iterator[Tree]:
        """The tree they are in. What fails in the context names the bundle. Raises BundlerError."""
        try:
            with Tree(self._path.resolve(), bundle_owners()) as tree:  # it is the user who says where the bundle is
                yield tree
        except OSError as error:
            raise failure_at(self._path, error) from error

    def walk(self, tree: Tree) -> Iterator[BundleFile]:
        """The documents, then all others by name, a directory before what it holds.

        Sockets belong to a process and not to the bundle.
        """
        first: dict[tuple[int, int], bytes] = {}
        for file in self._left.taken_from(walk(tree, ahead=DOCUMENTS), ROOTFS):
            if file.kind == stat.S_IFSOCK:
                continue
            if self._normalised:
                file.attributes = self._normal(file)
            known = file.path if file.inode is None else first.setdefault(file.inode, file.path)
            yield BundleFile(file, None if known == file.path else known)

    def _normal(self, file: TreeFile) -> Attributes:
        attributes = file.attributes
        xattrs = attributes.xattrs
        if xattrs:
            xattrs = {name: value for name, value in xattrs.items() if is_kept(name, file.kind, value)}
        uid, gid = (attributes.uid, attributes.gid) if self.owned else (0, 0)
        if self.owned and self._user == attributes.uid and not file.path.startswith(_UNPACKED):
            uid, gid, xattrs = _written_down(xattrs)
        mtime = attributes.mtime if _has_time(file.path) else 0
        return Attributes(attributes.mode, uid, gid, mtime, mtime, xattrs)

    def manifest_line(self, file: BundleFile, digest: str | None, *, root: bytes = ROOTFS) -> bytes:
        """What the manifest of the directory `root`, which the file is in, says of it. `digest` is sha256 in hex."""
        first = None if file.first is None else _below(file.first, root)
        name = encode_path(_below(file.tree_file.path, root))
        return manifest_entry(file.tree_file, digest, first, name=name, owned=self.owned)


def _written_down(xattrs: Mapping[bytes, bytes]) -> tuple[int, int, dict[bytes, bytes]]:
    """Whose a file is that an ordinary user has made, and has not given away: root's, if nothing else is said."""
    uid, gid = read_record(xattrs.get(RECORD, b""))
    return uid or 0, gid or 0, {name: value for name, value in xattrs.items() if name != RECORD}


def bundle_owners() -> Owners:
    """How owners are treated when this user reads or restores a bundle, and modes that keep him out are opened up."""
    return kept() if os.geteuid() == 0 else written_down().as_they_are()


def _below(path: bytes, root: bytes) -> bytes:
    return path.removeprefix(root).removeprefix(b"/") if root else path


def _has_time(path: bytes) -> bool:
    """Whether a file's time is to be kept; those of what bundler wrote are the epoch, also after a copy."""
    top, slash, _ = path.partition(b"/")
    return top in _DATED and (bool(slash) or top == ROOTFS)


def failure_at(path: Path, error: OSError) -> BundlerError:
    """The error for a file of a bundle that cannot be used."""
    failure = explain(error, printable(str(path)))
    if isinstance(failure, FullDiskError):
        return failure
    return BundlerError(failure.what, hint=failure.hint)
