"""Files of a bundle or a project as entries of an archive, compared with a manifest in the same pass."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from typing import Final

from bundler.archives.entry import HARD_LINK, TAR_TYPES, Entry, StoredEntry
from bundler.archives.holes import SMALLEST, Pieces, find_content
from bundler.archives.stream import Content, RunningHash
from bundler.bundles.files import BundleFile, BundleFiles
from bundler.errors import BundlerError, printable
from bundler.packing.rootfs_manifest import RootfsManifest
from bundler.progress import Meter
from bundler.rootfs.sparse_files import add_zeros
from bundler.rootfs.tree import Tree

_PIECE: Final = 1 << 17
_SYMLINK_MODE: Final = 0o777


def metered(entries: Iterable[StoredEntry], meter: Meter) -> Iterator[StoredEntry]:
    """The `entries`; `meter` is told of the bytes of each file, its holes included, as they are taken."""

    def content(stored: Iterable[Content]) -> Iterator[Content]:
        for part in stored:
            meter(len(part))
            yield part

    for entry, stored in entries:
        yield entry, content(stored)
        if entry.sparse is not None:
            meter(entry.size - entry.stored_size)


class FileEntries:
    """Makes entries of files. `label` is the name of their bundle or project, for messages."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._digest: str | None = None
        # One piece of memory for all files: a new one for each would take longer than compressing what it holds.
        self._room = memoryview(bytearray(_PIECE))
        self._digests: dict[bytes, str | None] = {}  # of files with several names, by their first

    def of(self, files: BundleFiles, known: RootfsManifest | None = None) -> Iterator[StoredEntry]:
        """The entries of all `files`. Those in the rootfs must be as the manifest `known` says, if there is one."""
        with ExitStack() as held:
            if known is not None:
                held.enter_context(closing(known))
            tree = held.enter_context(files.open())
            for file in files.walk(tree):
                manifest = known if file.in_rootfs else None
                if file.tree_file.kind == stat.S_IFREG and file.first is None:
                    yield from self._read(tree, file, manifest)
                else:
                    self._digest = self._digests.get(file.first or b"")
                    yield _entry(file), ()
                if manifest is not None:
                    manifest.compare(files.manifest_line(file, self._digest))
            if known is not None:
                known.finish()

    def outline(self, files: BundleFiles) -> Iterator[StoredEntry]:
        """The same entries without content. Only large files are read, to find their holes."""
        with files.open() as tree:
            for file in files.walk(tree):
                yield _entry(file, _pieces(tree, file)), ()

    def _read(self, tree: Tree, file: BundleFile, manifest: RootfsManifest | None) -> Iterator[StoredEntry]:
        """The entry of a regular file. Then the sha256 of its content is known, if the manifest will ask for it."""
        tree_file = file.tree_file
        descriptor = tree.open_file(tree_file.path, tree_file.kind)
        try:
            pieces = find_content(descriptor, tree_file.size)
            wanted = manifest is not None
            if manifest is not None and tree_file.size > _PIECE:
                wanted = manifest.next_has_digest(tree_file.size) or pieces is None
            if pieces is None and tree_file.size <= _PIECE:
                part = self._part(descriptor, file, 0, tree_file.size)
                digest = hashlib.sha256(part) if wanted else None
                yield _entry(file), (part,)
            else:
                digest = hashlib.sha256() if wanted else None
                yield _entry(file, pieces), self._content(descriptor, file, pieces, digest)
        finally:
            os.close(descriptor)
        self._digest = digest.hexdigest() if digest is not None else None
        if tree_file.inode is not None:
            self._digests[tree_file.path] = self._digest

    def _content(
        self, descriptor: int, file: BundleFile, pieces: Pieces | None, digest: RunningHash | None
    ) -> Iterator[Content]:
        end = 0
        for start, length in pieces if pieces is not None else ((0, file.tree_file.size),):
            if digest is not None:
                add_zeros(digest, start - end)
            at, end = start, start + length
            while at < end:
                part = self._part(descriptor, file, at, min(end - at, _PIECE))
                at += len(part)
                if digest is not None:
                    digest.update(part)
                yield part
        if digest is not None:
            add_zeros(digest, file.tree_file.size - end)

    def _part(self, descriptor: int, file: BundleFile, at: int, size: int) -> memoryview:
        """Of the file, the `size` bytes from `at` on."""
        part = self._room[:size]
        count = os.preadv(descriptor, (part,), at)
        while count < size:
            more = os.preadv(descriptor, (part[count:],), at + count)
            if not more:
                name = printable(file.tree_file.path)
                raise BundlerError(f"{self._label}: {name} was changed while it was packed")
            count += more
        return part


def _pieces(tree: Tree, file: BundleFile) -> Pieces | None:
    tree_file = file.tree_file
    if tree_file.kind != stat.S_IFREG or file.first is not None or tree_file.size < SMALLEST:
        return None
    descriptor = tree.open_file(tree_file.path, tree_file.kind)
    try:
        return find_content(descriptor, tree_file.size)
    finally:
        os.close(descriptor)


def _entry(file: BundleFile, pieces: Pieces | None = None) -> Entry:
    """The file as an archive has it, below `./`, which is the bundle's own directory."""
    tree_file, attributes = file.tree_file, file.tree_file.attributes
    linked = file.first is not None
    slash = b"/" if tree_file.kind == stat.S_IFDIR and tree_file.path else b""
    stored = tree_file.size if pieces is None else sum(length for _, length in pieces)
    return Entry(
        name=b"./" + tree_file.path + slash,
        kind=HARD_LINK if linked else TAR_TYPES[tree_file.kind],
        mode=_SYMLINK_MODE if attributes.mode is None else attributes.mode,
        uid=attributes.uid,
        gid=attributes.gid,
        size=tree_file.size,
        stored_size=0 if linked else stored,
        offset=0,
        mtime=attributes.mtime,
        atime=attributes.atime,
        link_name=b"./" + file.first if file.first is not None else tree_file.target,
        device=tree_file.device,
        xattrs={} if linked else dict(attributes.xattrs),
        sparse=pieces,
    )
