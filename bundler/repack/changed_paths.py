"""What has become different in a rootfs since it was built, as a layer can say it."""

import stat
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from bundler.bundles.rootfs_image import IMAGE
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.comparison import Change
from bundler.bundles.verification.left_behind import mount_points
from bundler.errors import BundlerError, DifferenceError, printable
from bundler.light_dataclasses import dataclass
from bundler.rootfs.home import Home
from bundler.rootfs.mtree import decode_name, sort_key
from bundler.rootfs.paths import WHITEOUT, ancestors, split
from bundler.rootfs.scan import walk
from bundler.rootfs.tree import Tree

# What is changed is told by these alone.
_TOLD_BY: Final = ("rootfs.mtree", IMAGE)


@dataclass(frozen=True, slots=True)
class ChangedPaths:
    """Paths whose files are new or changed, and the uppermost paths that are gone; both in the order of a manifest."""

    there: Sequence[bytes]
    gone: Sequence[bytes]

    def __bool__(self) -> bool:
        return bool(self.there or self.gone)


def rootfs_changes(verification: Verification, name: str) -> dict[bytes, Change]:
    """What differs in the rootfs of the bundle `name`, by path and in order.

    Raises DifferenceError if that cannot be told, as rootfs.mtree or the image is not what was built, and BundlerError.
    """
    changes: dict[bytes, Change] = {}
    for change in verification.changes():
        if change.path in _TOLD_BY:
            raise DifferenceError(f"{name}: {change.path} was changed, so what else was changed cannot be told")
        if change.path.startswith("."):  # those of documents do not
            changes[decode_name(change.path.encode()).removeprefix(b".").removeprefix(b"/")] = change
    check_all_read(verification.unread, name)
    return changes


def check_all_read(unread: int, name: str) -> None:
    """Raise BundlerError where this user may not look into some files."""
    if unread:
        raise BundlerError(f"{name}: {unread} files cannot be read", hint="repack it as root")


def find_changed_paths(
    changes: dict[bytes, Change], rootfs: Home, written: Tree, destinations: Iterable[str], own: Collection[bytes] = ()
) -> ChangedPaths:
    """The difference of `rootfs`, without the mount points that running it has left at `destinations`.

    `written` has all that is new or changed: it is the rootfs itself where that is a directory. `own` are mount points
    of the build, which the image has not got: a directory of these goes with what is in it.
    """
    changes = dict(changes)
    extra = [path for path, change in changes.items() if change.what == "extra"]
    left = mount_points(rootfs, destinations, extra)
    sockets = {path for path in extra if rootfs.kind(path) == stat.S_IFSOCK}
    for path in left | sockets:
        del changes[path]
    for path in {split(path)[0] for path in left}:
        if only_dated(path, changes):
            del changes[path]
    there = {path for path, change in changes.items() if change.what != "missing"}
    gone = [path for path in changes if path not in there and _is_uppermost(rootfs, path, changes)]
    there |= _other_names(written, there)
    there |= {above for path in there for above in ancestors(path)} & set(own)
    return ChangedPaths(sorted(there, key=sort_key), gone)


def only_dated(path: bytes, changes: dict[bytes, Change]) -> bool:
    """Whether all that happened to a directory is that mount points were made in it."""
    change = changes.get(path)
    if change is None or change.keywords.keys() != {"time"}:
        return False
    return not any(split(other)[0] == path and changes[other].what != "changed" for other in changes if other)


def _is_uppermost(rootfs: Home, path: bytes, changes: dict[bytes, Change]) -> bool:
    """Whether nothing above it is gone or became something else, with which it goes anyway."""
    parent = split(path)[0]
    above = changes.get(parent)
    return (above is None or above.what != "missing") and rootfs.kind(parent) == stat.S_IFDIR


def _other_names(tree: Tree, paths: set[bytes]) -> set[bytes]:
    """All names of files that have several: in one layer they stay one file."""
    linked = {
        (status.st_dev, status.st_ino)
        for path in paths
        if (status := tree.status(path)) is not None and status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode)
    }
    return {file.path for file in walk(tree) if file.inode in linked} if linked else set()


def check_names(changed: ChangedPaths, name: str) -> None:
    """Raise BundlerError for a name that would mean something else in a layer."""
    for path in (*changed.there, *changed.gone):
        if split(path)[1].startswith(WHITEOUT):
            shown = printable(path)
            what = f"{name}: /{shown} cannot be in a layer: names that begin with .wh. mean that a file is gone"
            raise BundlerError(what, hint="give it another name")
