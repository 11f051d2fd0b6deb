"""Reading a root filesystem that is there: every file in the order of a manifest, nothing followed, nothing opened but
directories and regular files.

Contents are hashed a few files ahead, on several threads: hashlib lets go of the interpreter's lock.
"""

import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from bundler.rootfs.attributes import Attributes
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.paths import join
from bundler.rootfs.tree import Tree

_PIECE: Final = 1 << 20
_AHEAD: Final = 32  # files that are open at a time
_THREADS: Final = 4  # at most; more than a disk has use for


@dataclass(frozen=True, slots=True)
class Found:
    """One path. The arguments of mtree.describe; `same` is (device, inode) of a file with several names.

    `digest` waits for the content to be read; None is a file that was not to be read. `closed` says that this user
    may not look into it.
    """

    path: bytes
    kind: int
    attributes: Attributes
    size: int = 0
    target: bytes = b""
    device: tuple[int, int] = (0, 0)
    links: int = 1
    same: tuple[int, int] | None = None
    closed: bool = False
    digest: Callable[[], str] | None = None


def scan(tree: Tree, *, is_wanted: Callable[[bytes, int], bool] = lambda _path, _size: True) -> Iterator[Found]:
    """All files of `tree`, a directory before what it holds, each directory by name. Raises OSError.

    Only the content of regular files that are wanted (by path and size) is read.
    """
    pending: deque[Found] = deque()
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for found in _walk(tree, is_wanted, pool):
            pending.append(found)
            if len(pending) > _AHEAD:
                yield pending.popleft()
        yield from pending


def take_stock(tree: Tree, inventory: Inventory) -> None:
    """Tell `inventory` what `tree` holds. Memory grows with the number of files that have several names. OSError."""
    first: dict[tuple[int, int], bytes] = {}
    for found in scan(tree):
        if found.same is not None and (known := first.setdefault(found.same, found.path)) != found.path:
            inventory.link(found.path, known)
            continue
        digest = found.digest() if found.digest is not None else None
        inventory.add(
            found.path,
            found.kind,
            found.attributes,
            size=found.size,
            digest=digest,
            target=found.target,
            device=found.device,
        )


def _walk(tree: Tree, is_wanted: Callable[[bytes, int], bool], pool: ThreadPoolExecutor) -> Iterator[Found]:
    pending = [b""]
    while pending:
        path = pending.pop()
        found = _look(tree, path, is_wanted, pool)
        if found is None:
            continue
        yield found
        if found.kind == stat.S_IFDIR and not found.closed:
            pending += [join(path, name) for name in reversed(tree.names(path))]


def _look(tree: Tree, path: bytes, is_wanted: Callable[[bytes, int], bool], pool: ThreadPoolExecutor) -> Found | None:
    """What is at `path`; None if it went away meanwhile."""
    place = tree.locate(path)
    status = tree.status(place)
    if status is None:
        return None
    kind = stat.S_IFMT(status.st_mode)
    closed = False
    digest = None
    try:
        if kind == stat.S_IFDIR:
            tree.follow(path)
        elif kind == stat.S_IFREG and is_wanted(path, status.st_size):
            digest = pool.submit(_hash, tree.open_file(place), status.st_size).result
    except PermissionError:
        closed = True
    place = tree.locate(path)
    return Found(
        path,
        kind,
        tree.attributes(place),
        size=status.st_size if kind == stat.S_IFREG else 0,
        target=tree.read_link(place) if kind == stat.S_IFLNK else b"",
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
        links=status.st_nlink,
        same=(status.st_dev, status.st_ino) if kind != stat.S_IFDIR and status.st_nlink > 1 else None,
        closed=closed,
        digest=digest,
    )


def _hash(descriptor: int, size: int) -> str:
    """Of the first `size` bytes: somebody may be adding to the file."""
    digest = hashlib.sha256()
    try:
        while size > 0 and (piece := os.read(descriptor, min(_PIECE, size))):
            digest.update(piece)
            size -= len(piece)
    finally:
        os.close(descriptor)
    return digest.hexdigest()
