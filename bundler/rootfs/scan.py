"""Reading a root filesystem that is there: every file in the order of a manifest, nothing followed, nothing opened but
directories and regular files.
"""

import hashlib
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from bundler.archives.entry import BLOCK_DEVICE, CHARACTER_DEVICE, FILE_TYPES, REGULAR, SYMLINK, Entry
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.home import TreeFile
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.mtree import describe, describe_xattrs, encode_path, sort_key, write_entry
from bundler.rootfs.tree import Tree

# Read into one piece of memory again and again: a new one for each file would cost more than the hash of most.
_PIECE: Final = 1 << 17
_AHEAD: Final = 32  # files that are open at a time
_THREADS: Final = 4  # at most: a disk has no use for more
# Sorts behind all that a folder holds, and before every other name that begins with the folder's.
_BEHIND: Final = b"\x01"
T = TypeVar("T")


def manifest_entry(
    file: TreeFile, digest: str | None, first: bytes | None, *, name: bytes | None = None, owned: bool = True
) -> bytes:
    """What a manifest says of the file. `digest` is sha256 in hex, `first` an earlier name of it, if it has one.

    `name` is how the manifest calls it, if that is not its path, encoded. Without `owned`, files have no owners.
    """
    keywords = describe(
        file.kind,
        file.attributes,
        size=file.size,
        digest=digest,
        target=file.target,
        device=file.device,
        owned=owned,
    )
    if file.kind != stat.S_IFDIR:
        keywords += b" nlink=%d" % file.links
    remarks = describe_xattrs(file.attributes.xattrs) if file.attributes.xattrs else b""
    if first is not None:
        remarks = b" ".join(filter(None, (b"hardlink=" + encode_path(first), remarks)))
    return write_entry(name or encode_path(file.path), keywords, remarks)


def as_on_disk(path: bytes, entry: Entry) -> TreeFile:
    """The entry, which is no hard link, as the file that it would be at `path`."""
    mode = None if entry.kind == SYMLINK else entry.mode
    return TreeFile(
        path,
        FILE_TYPES[entry.kind],
        Attributes(mode, entry.uid, entry.gid, entry.mtime, entry.mtime, entry.xattrs),
        size=entry.size if entry.kind == REGULAR else 0,
        target=entry.link_name if entry.kind == SYMLINK else b"",
        device=entry.device if entry.kind in (CHARACTER_DEVICE, BLOCK_DEVICE) else (0, 0),
    )


def walk(
    tree: Tree, begin: bytes = b"", end: bytes | None = None, *, ahead: Sequence[bytes] = ()
) -> Iterator[TreeFile]:
    """All files of `tree`, a directory before what it holds, each directory by name. Raises OSError.

    Of these, only the ones from `begin` on and before `end`. Names in `ahead` come before the others at the top.
    """
    pending = [b""]
    start, stop = sort_key(begin), None if end is None else _ordered(end)
    begun = False
    while pending:
        path = pending.pop()
        if stop is not None and _ordered(path) >= stop:
            return
        if not begun:
            key = sort_key(path)
            begun = key >= start
            if not begun and start[: len(key)] != key:
                continue
        file = tree.look(path)
        if file is None:
            continue
        names: list[bytes] = []
        if file.kind == stat.S_IFDIR:
            try:
                names = tree.names(file.path)
            except PermissionError:
                file.closed = True
        if begun:
            yield file
        if ahead and not path:
            names.sort(key=lambda name: name not in ahead)
        above = path + b"/" if path else b""
        pending += [above + name for name in reversed(names)]


def walk_folder(tree: Tree, folder: bytes) -> Iterator[TreeFile]:
    """The same of a `folder` in the tree: itself, if it is there, and all that it holds. Raises OSError."""
    return walk(tree, folder, folder + _BEHIND)


def _ordered(path: bytes) -> bytes:
    """Not sort_key, but it sorts paths the same, in half the time."""
    return path.replace(b"/", b"\0")


def hash_ahead(
    tree: Tree, items: Iterable[T], wanted: Callable[[T], TreeFile | None]
) -> Iterator[tuple[T, str | None]]:
    """Each of `items` with the sha256 of the regular file that `wanted` names, None where it names none.

    Some files are read ahead on several threads: hashlib lets go of the interpreter's lock. Raises OSError.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- brings logging along, and is only needed here

    pending: deque[tuple[T, Callable[[], str] | None]] = deque()
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for item in items:
            file = wanted(item)
            descriptor = None if file is None else _open(tree, file)
            digest = None
            if file is not None and descriptor is not None:
                digest = pool.submit(_hash, descriptor, file.size).result
            pending.append((item, digest))
            if len(pending) > _AHEAD:
                first, waited = pending.popleft()
                yield first, waited() if waited is not None else None
        for item, waited in pending:
            yield item, waited() if waited is not None else None


def take_stock(tree: Tree, inventory: Inventory) -> None:
    """Tell `inventory` what `tree` holds. Memory grows with the number of files that have several names. OSError."""
    first: dict[tuple[int, int], bytes] = {}
    for file, digest in hash_ahead(tree, walk(tree), lambda file: file if file.kind == stat.S_IFREG else None):
        if file.inode is not None and (known := first.setdefault(file.inode, file.path)) != file.path:
            inventory.link(file.path, known)
            continue
        inventory.add(
            file.path,
            file.kind,
            file.attributes,
            size=file.size,
            digest=digest,
            target=file.target,
            device=file.device,
        )


def hash_file(tree: Tree, file: TreeFile) -> str | None:
    """The sha256 of a regular file; None, and it is `closed`, if this user may not read it."""
    descriptor = _open(tree, file)
    return None if descriptor is None else _hash(descriptor, file.size)


def _open(tree: Tree, file: TreeFile) -> int | None:
    try:
        return tree.open_file(file.path, file.kind)
    except PermissionError:
        file.closed = True
        return None


class _Room(threading.local):
    """Each thread's own piece of memory to read into."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_PIECE))


_room: Final = _Room()


def _hash(descriptor: int, size: int) -> str:
    """The sha256 of the first `size` bytes: another process may be adding to the file."""
    digest, view = hashlib.sha256(), _room.view
    try:
        while size > 0 and (count := os.readv(descriptor, (view[:size],))):
            digest.update(view[:count])
            size -= count
    finally:
        os.close(descriptor)
    return digest.hexdigest()
