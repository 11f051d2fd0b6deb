"""Reading a root filesystem that is there: every file in the order of a manifest, nothing followed, nothing opened but
directories and regular files.
"""

import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from bundler.rootfs.attributes import Attributes
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.paths import join
from bundler.rootfs.tree import Tree

_PIECE: Final = 1 << 20
_AHEAD: Final = 32  # files that are open at a time
_THREADS: Final = 4  # at most: a disk has no use for more
T = TypeVar("T")


@dataclass(slots=True)
class Found:
    """One path: what mtree.describe is given, but for the digest.

    `file` is (device, inode) of what has several names, None for the others. `closed` says that this user may not
    look into the file or directory.
    """

    path: bytes
    kind: int
    attributes: Attributes
    size: int = 0
    target: bytes = b""
    device: tuple[int, int] = (0, 0)
    links: int = 1
    file: tuple[int, int] | None = None
    closed: bool = False


def walk(tree: Tree) -> Iterator[Found]:
    """All files of `tree`, a directory before what it holds, each directory by name. Raises OSError."""
    pending = [b""]
    while pending:
        found = _look(tree, pending.pop())
        if found is None:
            continue
        names: list[bytes] = []
        if found.kind == stat.S_IFDIR:
            try:
                names = tree.names(found.path)
            except PermissionError:
                found.closed = True
        yield found
        pending += [join(found.path, name) for name in reversed(names)]


def hash_ahead(tree: Tree, items: Iterable[T], wanted: Callable[[T], Found | None]) -> Iterator[tuple[T, str | None]]:
    """Each of `items` with the sha256 of the regular file that `wanted` names, None where it names none.

    Some files are read ahead on several threads: hashlib lets go of the interpreter's lock. Raises OSError.
    """
    pending: deque[tuple[T, Callable[[], str] | None]] = deque()
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for item in items:
            found = wanted(item)
            descriptor = None if found is None else _open(tree, found)
            digest = None
            if found is not None and descriptor is not None:
                digest = pool.submit(_hash, descriptor, found.size).result
            pending.append((item, digest))
            if len(pending) > _AHEAD:
                first, waited = pending.popleft()
                yield first, waited() if waited is not None else None
        for item, waited in pending:
            yield item, waited() if waited is not None else None


def take_stock(tree: Tree, inventory: Inventory) -> None:
    """Tell `inventory` what `tree` holds. Memory grows with the number of files that have several names. OSError."""
    first: dict[tuple[int, int], bytes] = {}
    for found, digest in hash_ahead(tree, walk(tree), lambda found: found if found.kind == stat.S_IFREG else None):
        if found.file is not None and (known := first.setdefault(found.file, found.path)) != found.path:
            inventory.link(found.path, known)
            continue
        inventory.add(
            found.path,
            found.kind,
            found.attributes,
            size=found.size,
            digest=digest,
            target=found.target,
            device=found.device,
        )


def _look(tree: Tree, path: bytes) -> Found | None:
    """What is at `path`; None if it went away meanwhile."""
    place = tree.locate(path)
    status = tree.status(place)
    if status is None:
        return None
    kind = stat.S_IFMT(status.st_mode)
    closed = False
    try:
        attributes = tree.attributes(place)
    except PermissionError:
        closed = True
        attributes = tree.attributes(place, xattrs=False)
    return Found(
        path,
        kind,
        attributes,
        size=status.st_size if kind == stat.S_IFREG else 0,
        target=tree.read_link(place) if kind == stat.S_IFLNK else b"",
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
        links=status.st_nlink,
        file=(status.st_dev, status.st_ino) if kind != stat.S_IFDIR and status.st_nlink > 1 else None,
        closed=closed,
    )


def _open(tree: Tree, found: Found) -> int | None:
    try:
        return tree.open_file(tree.locate(found.path))
    except PermissionError:
        found.closed = True
        return None


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
