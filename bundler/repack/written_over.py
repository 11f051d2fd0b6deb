"""What was written over a root filesystem that is an image, beside the manifest of that.

Only the upper folder is read. What the image holds is known from its manifest, which is as it was built; so is what the
container has seen, of which names and types are enough.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import bundle_owners
from bundler.bundles.rootfs_image import IMAGE, UPPER, WRITTEN
from bundler.bundles.verification.comparison import Change, Comparison
from bundler.bundles.verification.rootfs_comparison import first_name
from bundler.errors import BundlerError, RequestError, printable
from bundler.repack.changed_paths import check_all_read, only_dated
from bundler.rootfs.attributes import implied
from bundler.rootfs.home import TreeFile
from bundler.rootfs.memory.outline import Outline
from bundler.rootfs.mtree import HEADER, TYPES, Listed, MtreeError, decode_name, group, read_lines, size_of, xattrs_of
from bundler.rootfs.paths import ancestors
from bundler.rootfs.scan import hash_file, walk
from bundler.rootfs.upper import Upper, is_whiteout

_KINDS: Final = {word: kind for kind, word in TYPES.items()}


class WrittenOver:
    """What lies in the folder `upper`, by path and in order. Raises BundlerError for what no overlay of ours has."""

    def __init__(self, upper: Upper, name: str) -> None:
        """`name` is that of the bundle, for messages."""
        self._upper, self._name = upper, name
        self._files: dict[bytes, TreeFile] = {}
        self._gone: set[bytes] = set()
        self._covers: set[bytes] = set()  # nothing of the image is seen below these
        for file in walk(upper):
            self._note(file)

    def _note(self, file: TreeFile) -> None:
        elsewhere = self._upper.elsewhere(file.path)
        if elsewhere is not None:
            what = f"{self._name}: /{printable(file.path)} has the attribute {elsewhere}"
            hint = "part of it is elsewhere: mount the overlay without redirect_dir and metacopy"
            raise BundlerError(f"{what}, which no overlay of bundler's has", hint=hint)
        if is_whiteout(file):
            self._gone.add(file.path)
        else:
            self._files[file.path] = file
        if file.kind != stat.S_IFDIR or self._upper.is_opaque(file.path):
            self._covers.add(file.path)

    def changes(self, bundle: Bundle) -> dict[bytes, Change]:
        """What the container has made another of the image. Raises BundlerError, MtreeError, OSError."""
        lines = (line for line in manifest_entries(bundle) if line.path in self._files or self._is_hidden(line.path))
        read = partial(hash_file, self._upper)
        comparison = Comparison(read, partial(first_name, self._upper), privileged=os.geteuid() == 0)
        differing = comparison.changes(lines, iter(self._files.values()))
        changes = {decode_name(change.path.encode())[2:]: change for change in differing}
        check_all_read(comparison.unread, self._name)
        if only_dated(b"", changes):  # when the folder was made
            del changes[b""]
        return changes

    def seen(self, bundle: Bundle) -> Outline:
        """All names that there are: those of the image and those over it. Raises MtreeError."""
        outline = Outline()
        for line in manifest_entries(bundle):
            if line.path not in self._files and not self._is_hidden(line.path):
                _add_listed(outline, line)
        for file in self._files.values():
            _add(outline, file.path, file.kind, file.size, file.target)
        return outline

    def _is_hidden(self, path: bytes) -> bool:
        return path in self._gone or any(above in self._covers for above in ancestors(path))


@contextmanager
def open_written_over(bundle: Bundle) -> Iterator[tuple[Upper, WrittenOver] | None]:
    """What was written over the bundle's image, as a tree and by path; None where there is nothing.

    Raises RequestError for what no run has made, BundlerError, MtreeError, OSError.
    """
    path = bundle.path.resolve()
    if not os.path.lexists(path / UPPER):
        yield None
        return
    if any((path / name).is_symlink() or not (path / name).is_dir() for name in (UPPER, WRITTEN)):
        raise RequestError(f"{bundle.label}: {UPPER} is not the folder of what was written over {IMAGE}")
    with Upper(path / WRITTEN, bundle_owners(), _root_xattrs(bundle)) as upper:
        yield upper, WrittenOver(upper, bundle.label)


def _root_xattrs(bundle: Bundle) -> dict[bytes, bytes]:
    """The extended attributes that the manifest says the root of the image has. Raises MtreeError."""
    return next((xattrs_of(line.keywords) for line in manifest_entries(bundle)), {})


def manifest_entries(bundle: Bundle) -> Iterator[Listed]:
    """What the bundle's manifest says of each file of the root filesystem as it was built. Raises MtreeError."""
    manifest = bundle.manifest()
    manifest.seek(len(HEADER))
    return group(read_lines(manifest))


def _add_listed(outline: Outline, line: Listed) -> None:
    keywords = line.keywords
    kind = _KINDS.get(keywords.get(b"type", b""))
    if kind is None:
        raise MtreeError("an entry has no type")
    _add(outline, line.path, kind, size_of(line.text), decode_name(keywords.get(b"link", b"")))


def _add(outline: Outline, path: bytes, kind: int, size: int, target: bytes) -> None:
    if kind == stat.S_IFDIR:
        outline.make_directory(path, implied())
    elif kind == stat.S_IFREG:
        outline.make_file(path, implied(), (), size=size)
    elif kind == stat.S_IFLNK:
        outline.make_symlink(path, target, implied())
    else:
        outline.make_node(path, kind, (0, 0), implied())
