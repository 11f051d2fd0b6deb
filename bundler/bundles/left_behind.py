"""What a runtime leaves in a rootfs that has run: files and directories to mount onto, where the image had none."""

import stat
from collections.abc import Collection, Iterable

from bundler.rootfs.paths import PathError, clean, join, split
from bundler.rootfs.tree import Tree


def mount_points(tree: Tree, destinations: Iterable[str], new: Collection[bytes]) -> set[bytes]:
    """Those of the paths `new` that are there to be mounted onto, and directories made for them.

    They are empty: what somebody has put there is no mount point any more. Raises OSError.
    """
    wanted = {_resolve(tree, destination) for destination in destinations}
    left: set[bytes] = set()
    for path in sorted({path for destination in wanted for path in _upward(destination)} & set(new), reverse=True):
        status = tree.status(tree.locate(path))
        if status is None:
            continue
        if stat.S_ISDIR(status.st_mode):
            empty = all(join(path, name) in left for name in tree.names(path))
        else:
            empty = path in wanted and stat.S_ISREG(status.st_mode) and not status.st_size
        if empty:
            left.add(path)
    return left


def _resolve(tree: Tree, destination: str) -> bytes:
    """Where a mount really is: the runtime resolves the symlinks of the image. Empty where nothing is."""
    try:
        path = clean(destination.encode("utf-8", "surrogateescape"))
        parent, name = split(path)
        return join(tree.follow(parent), name) if tree.kind(tree.locate(path)) == stat.S_IFREG else tree.follow(path)
    except (OSError, PathError):
        return b""


def _upward(path: bytes) -> Iterable[bytes]:
    while path:
        yield path
        path = split(path)[0]
