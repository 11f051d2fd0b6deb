"""Files of a root filesystem as rootfs_merge.py compares them: by what a manifest says, but for times and links."""

import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.repack.written_over import manifest_entries
from bundler.rootfs.attributes import Attributes, is_kept
from bundler.rootfs.home import TreeFile
from bundler.rootfs.mtree import Keywords, Listed, MtreeError, nanoseconds, xattrs_of
from bundler.rootfs.paths import ancestors
from bundler.rootfs.scan import hash_file, manifest_entry
from bundler.rootfs.tree import Tree
from bundler.upkeep.rootfs_merge import ComparedFile

# An image that was built again has other times; how many names a file has says nothing of the file.
_PASSED_BY: Final = frozenset({b"time", b"nlink", b"hardlink"})
_OF_ROOT: Final = b"xattr.trusted."  # which only root can see
_NEW: Final = ComparedFile(is_directory=False, form=b"")
_NEW_DIRECTORY: Final = ComparedFile(is_directory=True, form=b"")


def built_files(bundle: Bundle, paths: Collection[bytes], tops: Collection[bytes]) -> dict[bytes, ComparedFile]:
    """Those of `paths` in the bundle as it was built, and of all that lies below `tops`. Raises MtreeError."""
    files: dict[bytes, ComparedFile] = {}
    below = None
    for line in manifest_entries(bundle):
        path = line.path
        if path in tops and not _is_below(path, below):
            below = path
        if path in paths or path in tops or _is_below(path, below):
            files[path] = _compared(line.keywords)
    return files


def written_files(
    tree: Tree, paths: Iterable[bytes], compared: Collection[bytes], *, owned: bool
) -> dict[bytes, ComparedFile]:
    """Those of `paths` in the tree that the container has written to, without sockets.

    Of those that are not `compared` with others, only the type is told: a container may have written very many. Raises
    OSError.
    """
    files: dict[bytes, ComparedFile] = {}
    for path in paths:
        if path not in compared:
            kind = tree.kind(path)
            if kind not in (0, stat.S_IFSOCK):
                files[path] = _NEW_DIRECTORY if kind == stat.S_IFDIR else _NEW
            continue
        file = tree.look(path)
        if file is not None and file.kind != stat.S_IFSOCK:
            files[path] = _written(tree, file, owned=owned)
    return files


def directory_attributes(bundle: Bundle, paths: Collection[bytes]) -> dict[bytes, Attributes]:
    """Those that the directories among `paths` were built with. Raises MtreeError."""
    lines = ((line.path, line.keywords) for line in manifest_entries(bundle) if line.path in paths)
    return {path: _attributes(keywords) for path, keywords in lines if keywords.get(b"type") == b"dir"}


def with_ancestors(paths: Iterable[bytes]) -> set[bytes]:
    """The paths and all directories above them."""
    listed = set(paths)
    return listed | {above for path in listed for above in ancestors(path)}


def _written(tree: Tree, file: TreeFile, *, owned: bool) -> ComparedFile:
    digest = hash_file(tree, file) if file.kind == stat.S_IFREG else None
    if file.closed:
        raise PermissionError(f"/{os.fsdecode(file.path)} cannot be read")
    attributes = file.attributes
    kept = {name: value for name, value in attributes.xattrs.items() if is_kept(name, file.kind, value)}
    file.attributes = replace(attributes, xattrs=kept)
    return _compared(Listed(manifest_entry(file, digest, None, owned=owned)).keywords)


def _compared(keywords: Keywords) -> ComparedFile:
    is_root = os.geteuid() == 0
    compared = sorted(
        b"%s=%s" % item
        for item in keywords.items()
        if item[0] not in _PASSED_BY and (is_root or not item[0].startswith(_OF_ROOT))
    )
    return ComparedFile(keywords.get(b"type") == b"dir", b" ".join(compared))


def _attributes(keywords: Keywords) -> Attributes:
    try:
        mode, uid, gid = int(keywords[b"mode"], 8), int(keywords.get(b"uid", b"0")), int(keywords.get(b"gid", b"0"))
        time = nanoseconds(keywords)
        return Attributes(mode, uid, gid, time, time, xattrs_of(keywords))
    except (KeyError, ValueError):
        raise MtreeError("an entry of a directory makes no sense") from None


def _is_below(path: bytes, top: bytes | None) -> bool:
    return top is not None and (not top or path.startswith(top + b"/"))
