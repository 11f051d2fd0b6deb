"""Which changes of a container go over from the root filesystem of an older image into that of a newer one.

Three trees decide it: that of the older image, what the container has made of it, and that of the newer image. A path
that both images have alike, or neither has, becomes what the container has there. Where the newer image is another one,
too, that stays, and the path is told: no change is lost without a word.

A directory that is gone, or has become something else, is one change with all that was in it: it goes over if both
images are alike in all of that, since half a directory is what no side has had.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.rootfs.mtree import sort_key
from bundler.rootfs.paths import ancestors

CHANGED_TOO: Final = "the new image has changed it, too"
COVERED: Final = "the new bundle mounts something there"


@dataclass(frozen=True, slots=True)
class ComparedFile:
    """A file of a tree: whether it is a directory, and all that is compared of it, content included."""

    is_directory: bool
    form: bytes


ComparedFiles = Mapping[bytes, ComparedFile]
"""The files of a tree by path: at least what is changed, what lies above that, and what lies below of what is gone."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Paths in the order of a manifest. `taken` become what the container has there, `implied` are directories on the
    way there that the new image lacks; `gone` go with all below. `staying` are changes that do not go over, and why.
    """

    taken: list[bytes] = field(default_factory=list)
    implied: list[bytes] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)
    staying: dict[bytes, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.taken or self.gone)


def merge(
    changes: Iterable[bytes],
    old: ComparedFiles,
    container: ComparedFiles,
    new: ComparedFiles,
    mounts: Collection[bytes] = frozenset(),
) -> Merge:
    """What becomes of the paths `changes`, in which the tree of the `container` is not that of the `old` image.

    `mounts` are the paths of the `new` one at which something will be mounted: what lies there is not seen.
    """
    merging = _Merging(old, container, new, mounts)
    for path in sorted(changes, key=sort_key):
        merging.add(path)
    return merging.merge()


class _Merging:
    def __init__(
        self, old: ComparedFiles, container: ComparedFiles, new: ComparedFiles, mounts: Collection[bytes]
    ) -> None:
        self._old, self._container, self._new = old, container, new
        self._mounts = mounts
        self._above_mounts = {above for path in mounts for above in ancestors(path)}
        unlike = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
        self._unlike_below = unlike | {above for path in unlike for above in ancestors(path)}
        self._taken: set[bytes] = set()
        self._implied: set[bytes] = set()
        self._merge = Merge()

    def add(self, path: bytes) -> None:
        """Decide about a path; those above it come before."""
        ours = self._container.get(path)
        if ours is not None and ours == self._old.get(path):  # its times alone, or its other names
            if not ours.is_directory and self._obstacle(path) is None:
                self._take(path)
            return
        if ours == self._new.get(path) or (ours is None and self._goes_with_another(path)):
            return
        obstacle = self._obstacle(path)
        if obstacle is not None:
            self._merge.staying[path] = obstacle
        elif ours is None:
            self._merge.gone.append(path)
        else:
            self._take(path)

    def merge(self) -> Merge:
        self._merge.taken.extend(sorted(self._taken, key=sort_key))
        self._merge.implied.extend(sorted(self._implied, key=sort_key))
        for path in self._implied:
            self._merge.staying.pop(path, None)
        return self._merge

    def _goes_with_another(self, path: bytes) -> bool:
        """Whether it is gone because something above it is gone, or no directory any more."""
        return any(not _is_directory(self._container.get(above)) for above in ancestors(path))

    def _obstacle(self, path: bytes) -> str | None:
        """Why the path does not become what the container has there."""
        if path in self._mounts or any(above in self._mounts for above in ancestors(path)):
            return COVERED
        if any(not self._can_hold(above) for above in ancestors(path)):
            return CHANGED_TOO
        if _is_directory(self._container.get(path)):
            return CHANGED_TOO if self._old.get(path) != self._new.get(path) else None
        if path in self._above_mounts:
            return COVERED
        return CHANGED_TOO if path in self._unlike_below else None

    def _can_hold(self, path: bytes) -> bool:
        """Whether a directory of the container is one in the end, too, or can be made."""
        there = self._new.get(path)
        return there is None or there.is_directory or path in self._taken

    def _take(self, path: bytes) -> None:
        self._taken.add(path)
        self._implied |= {above for above in ancestors(path) if above not in self._new and above not in self._taken}


def _is_directory(file: ComparedFile | None) -> bool:
    return file is not None and file.is_directory
