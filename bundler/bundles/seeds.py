"""Whether a volume still holds what it was filled with: what the root filesystem has at that place, be it a directory
or an image, which is read without being mounted.

The times of directories do not count: to make a file and remove it changes them.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Final

from bundler.archives.entry import HARD_LINK, Entry
from bundler.archives.filesystems.erofs import Erofs
from bundler.archives.filesystems.file_system import FileSystemReader
from bundler.bundles.bundle import Bundle
from bundler.bundles.files import bundle_owners
from bundler.bundles.image_reading import is_unmounted, open_image
from bundler.rootfs.attributes import is_kept
from bundler.rootfs.home import TreeFile
from bundler.rootfs.memory.image_outline import outline_of_image
from bundler.rootfs.owners import Owners, choose_owners_of_copies, kept, written_down
from bundler.rootfs.paths import PathError, clean, split
from bundler.rootfs.scan import as_on_disk, hash_file, manifest_entry, walk
from bundler.rootfs.sparse_files import sha256_of
from bundler.rootfs.tree import Tree

_NOT_THERE: Final = (FileNotFoundError, NotADirectoryError, PathError)


def is_seed(volume: Tree, bundle: Bundle, seed: bytes) -> bool:
    """Whether the volume holds what the root filesystem does at the path `seed`. Raises OSError, ImageError."""
    try:
        if is_unmounted(bundle):
            return _is_of_image(volume, bundle, seed)
        with Tree(bundle.path / "rootfs", bundle_owners()) as whole:
            top = whole.follow(clean(seed))
        with Tree(bundle.path / "rootfs" / os.fsdecode(top), bundle_owners()) as original:
            return _same(_on_disk(volume), _on_disk(original))
    except _NOT_THERE:
        return False


def _same(volume: Iterator[bytes], original: Iterator[bytes]) -> bool:
    return all(left == right for left, right in zip_longest(volume, original))


def _is_of_image(volume: Tree, bundle: Bundle, seed: bytes) -> bool:
    """All files of a volume that an ordinary user has made are his own: whose they are is written down."""
    privileged = bundle.path.stat().st_uid == 0
    owners = choose_owners_of_copies(kept() if bundle.owned else written_down(), privileged=privileged)
    owned = privileged and bundle.owned
    with open_image(bundle) as descriptor:
        top = outline_of_image(descriptor).follow(clean(seed))
        return _same(_on_disk(volume, owned=owned), _in_image(descriptor, top, owners, owned=owned))


def _on_disk(tree: Tree, *, owned: bool = True) -> Iterator[bytes]:
    """All that is below the directory, each with its attributes, its content and the earlier name of it."""
    first: dict[tuple[int, int], bytes] = {}
    for file in walk(tree):
        if not file.path or file.kind == stat.S_IFSOCK:
            continue
        earlier = None if file.inode is None else first.setdefault(file.inode, file.path)
        digest = hash_file(tree, file) if file.kind == stat.S_IFREG else None
        yield _line(file, digest, None if earlier == file.path else earlier, owned=owned)


def _in_image(descriptor: int, top: bytes, owners: Owners, *, owned: bool) -> Iterator[bytes]:
    """The same of the directory `top` of an image, as `owners` have it on the disk."""
    image = Erofs(descriptor, lambda _count: None)
    for name in _steps(top):
        image.root = dict(image.names(image.inode(image.root)))[name]
    reader = FileSystemReader(image)
    first: dict[bytes, tuple[Entry, str | None]] = {}
    for entry in reader:
        path = clean(entry.name)
        original, digest = first.get(entry.link_name, (entry, None)) if entry.kind == HARD_LINK else (entry, None)
        if reader.current is not None:
            digest = sha256_of(entry, reader.content())
        first[path] = original, digest
        if path:
            earlier = path if original is entry else clean(original.name)
            file = as_on_disk(path, original)
            file.attributes = owners.adapt(file.attributes)
            yield _line(file, digest, None if earlier == path else earlier, owned=owned)


def _steps(path: bytes) -> list[bytes]:
    above, name = split(path)
    return [*_steps(above), name] if path else []


def _line(file: TreeFile, digest: str | None, earlier: bytes | None, *, owned: bool) -> bytes:
    attributes = file.attributes
    xattrs = {name: value for name, value in attributes.xattrs.items() if is_kept(name, file.kind, value)}
    attributes = replace(attributes, xattrs=xattrs)
    if file.kind == stat.S_IFDIR:
        attributes = replace(attributes, mtime=0, atime=0)
    # How many names it has elsewhere does not matter.
    return manifest_entry(replace(file, attributes=attributes, links=1), digest, earlier, owned=owned)
