"""The files of a packed bundle, on their way back into a directory: by the rules that hold for layers.

No name leaves the directory, no link is followed out of it, and what a whiteout would be in a layer is a file here.
"""

import os
from collections.abc import Iterable

from bundler.archives.entry import HARD_LINK, Entry
from bundler.archives.stream import Content
from bundler.bundles.files import DOCUMENTS
from bundler.errors import BundlerError, LayerError
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.changeset import Changeset
from bundler.rootfs.directories import explain
from bundler.rootfs.mtree import sort_key
from bundler.rootfs.paths import PathError, clean
from bundler.rootfs.tree import Tree

# What others may do with a bundle: setuid files of a foreign image must not be reachable for them.
MOST_OPEN = 0o710


class Restored(Changeset):
    """What a packed bundle holds, as it comes into `tree`. `label` names it in messages.

    Each name stands once, however it is spelled, and nothing below a symlink: readers that take the first of two, and
    others that take the last, would see different bundles.
    """

    def __init__(self, tree: Tree, label: str) -> None:
        super().__init__(tree, label, lowest=True)
        # The greatest path so far, in the order of `pack`: what comes after it cannot be there.
        self._last: tuple[bytes, ...] | None = None
        self._has_fewer_xattrs = False

    @property
    def has_left_out(self) -> bool:
        """Whether a file has not all that its entry says."""
        return self._has_fewer_xattrs or bool(self._tree.owners.skipped)

    def apply(self, entry: Entry, content: Iterable[Content]) -> None:
        try:
            path = clean(entry.name)
            if not path:
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
            if len({_top(self._tree.resolve(name, create=True)) for name in names}) > 1:
                raise PathError("it is a hard link to another part of the bundle")
        if os.geteuid() and (entry.uid or entry.gid):
            raise BundlerError(
                f"{self._where(entry.name)}: it belongs to another user", hint="unpack the bundle as root"
            )

    def _check_name(self, path: bytes) -> None:
        if self._tree.resolve(path, create=True) != path:
            raise PathError("it lies below a symlink")
        key = sort_key(path)
        if path not in DOCUMENTS and (self._last is None or key > self._last):
            self._last = key
        elif self._tree.kind(path):
            raise PathError("the name stands twice, or behind what is below it")


def _top(path: bytes) -> bytes:
    return path.partition(b"/")[0]
