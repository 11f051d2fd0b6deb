"""A changeset of which only the outline is made, by anybody: directories, links, and the files that are asked for."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from bundler.archives.entry import BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY, FIFO, SYMLINK, Entry
from bundler.archives.stream import Content
from bundler.rootfs.changeset import Changeset
from bundler.rootfs.paths import split
from bundler.rootfs.tree import Tree

_OUTLINE: Final = frozenset({DIRECTORY, SYMLINK})
_NEEDS_ROOT: Final = frozenset({CHARACTER_DEVICE, BLOCK_DEVICE})


class SketchedChangeset(Changeset):
    """What it leaves out still replaces what was there: a file that became a device is a file no longer."""

    def __init__(self, tree: Tree, label: str, *, lowest: bool, wanted: Collection[bytes]) -> None:
        """`wanted` are the names, without directories, of the files to make."""
        super().__init__(tree, label, lowest=lowest)
        self._wanted = wanted

    apply_files = Changeset.apply_each

    def _put(self, path: bytes, entry: Entry, content: Iterable[Content]) -> None:
        is_wanted = split(path)[1] in self._wanted
        if not is_wanted and entry.kind not in _OUTLINE:
            self._leave_out(path)
            return
        if entry.kind in _NEEDS_ROOT:
            # Any file that may not be read will do: who looks for it has to find that it is no regular file.
            entry = replace(entry, kind=FIFO)
        super()._put(path, entry, content)
