"""Making the files of a packed bundle in a directory, by the rules for layers.

No name leaves the directory, no link is followed out of it. Names that are whiteouts in a layer are plain files here.
"""

import os
from collections.abc import Iterable
from typing import Final

from bundler.archives.entry import DIRECTORY, HARD_LINK, Entry
from bundler.archives.stream import Content
from bundler.bundles.files import DOCUMENTS
from bundler.bundles.rootfs_image import IMAGE
from bundler.errors import BundlerError, LayerError
from bundler.project.record import NAME, VOLUMES
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.directories import explain
from bundler.rootfs.mtree import sort_key
from bundler.rootfs.paths import PathError, clean
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.changeset import Changeset

# What others may do with a bundle: setuid files of a foreign image must not be reachable for them.
MOST_OPEN = 0o710
_IMAGE: Final = IMAGE.encode()
_VOLUMES: Final = VOLUMES.encode()
_RECORD: Final = NAME.encode()


class Restored(Changeset):
    """Makes the files of a packed bundle in `tree`. `label` is its name in messages.

    Each name may come once, however it is spelled, and none below a symlink: otherwise readers that take the first of
    two files and readers that take the last would see different bundles.
    """

    _what = "bundle"

    def __init__(self, tree: Tree, label: str) -> None:
        super().__init__(tree, label, lowest=True)
        # The greatest path so far, in the order of `pack`: what comes after it cannot be there.
        self._last: tuple[bytes, ...] | None = None
        self._has_fewer_xattrs = False

    @property
    def has_left_out(self) -> bool:
        """Whether a file lacks something that its entry states."""
        return self._has_fewer_xattrs or bool(self._tree.owners.skipped)

    def apply(self, entry: Entry, content: Iterable[Content]) -> None:
        try:
            path = clean(entry.name)
            if entry.kind == DIRECTORY and self._is_closed(path):
                entry.mode &= MOST_OPEN
            self._check(path, entry)
            self._put(path, entry, content)
        except PathError as error:
            raise LayerError(f"{self._where(entry.name)}: {error}") from error
        except OSError as error:
            raise explain(error, self._where(entry.name)) from error

    def _attributes(self, entry: Entry) -> Attributes:
        attributes = super()._attributes(entry)
        self._has_fewer_xattrs |= len(attributes.xattrs) < len(entry.xattrs)
        return attributes

    def _check(self, path: bytes, entry: Entry) -> None:
        self._check_name(path)
        if entry.kind == HARD_LINK:
            names = (path, clean(entry.link_name))
            # Of one file with two names the container may write to the one in its rootfs: not if the other is what
            # it is started by.
            parts = {self._part(self._tree.resolve(name, create=True)) for name in names}
            if len(parts) > 1 and not self._may_share(*names):
                raise PathError(f"it is a hard link to another part of the {self._what}")
        if os.geteuid() and (entry.uid or entry.gid):
            raise BundlerError(
                f"{self._where(entry.name)}: it belongs to another user", hint="unpack the bundle as root"
            )

    def _check_name(self, path: bytes) -> None:
        if self._tree.resolve(path, create=True) != path:
            raise PathError("it lies below a symlink")
        key = sort_key(path)
        if not self._is_document(path) and (self._last is None or key > self._last):
            self._last = key
        elif self._tree.kind(path):
            raise PathError("the name stands twice, or behind what is below it")

    def _is_closed(self, path: bytes) -> bool:
        """Whether it is a folder that others may not look into."""
        return not path

    def _is_document(self, path: bytes) -> bool:
        """Whether it comes before what its name would come behind."""
        return path in DOCUMENTS

    def _part(self, path: bytes) -> bytes:
        """What has to hold all names of a file."""
        return path.partition(b"/")[0]

    def _may_share(self, _path: bytes, _first: bytes) -> bool:
        """Whether these may be one file all the same."""
        return False


class RestoredProject(Restored):
    """The same of a packed project: what holds for a bundle holds in each of its folders, and in each volume.

    Bundles may share a root filesystem that is one file: whether that is to be written to, its verification asks.
    """

    _what = "project"

    def _is_closed(self, path: bytes) -> bool:
        return b"/" not in path and path != _VOLUMES

    def _is_document(self, path: bytes) -> bool:
        return path == _RECORD or path.partition(b"/")[2] in DOCUMENTS

    def _part(self, path: bytes) -> bytes:
        return b"/".join(path.split(b"/", 2)[:2])

    def _may_share(self, path: bytes, first: bytes) -> bool:
        return all(name.partition(b"/")[2] == _IMAGE and not name.startswith(_VOLUMES + b"/") for name in (path, first))
