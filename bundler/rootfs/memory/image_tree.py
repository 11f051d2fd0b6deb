"""A root filesystem whose names are in memory and whose files are in an image of a file system, one file on disk.

No owner, device or capability is made on disk: any user can write any of them into an image, and exactly so. What is
kept in memory of a file is its name and the number of its inode; all else is read again from the image when a later
layer replaces the file, links it or leads through it.
"""

import errno
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from bundler.archives.entry import FileRow
from bundler.archives.filesystems import erofs_writer
from bundler.archives.filesystems.erofs_chunks import Chunks
from bundler.archives.filesystems.erofs_directory import directory_size, with_dots
from bundler.archives.filesystems.erofs_format import DIRENT_TYPES
from bundler.archives.filesystems.erofs_writer import DirectoryPlace, ErofsWriter, encode_xattrs
from bundler.archives.filesystems.file_system import Inode
from bundler.archives.filesystems.verity import BlockHashes
from bundler.archives.stream import Content, KnownDigest, RunningHash
from bundler.rootfs import acl
from bundler.rootfs.attributes import Attributes, is_kept
from bundler.rootfs.directories import explain
from bundler.rootfs.home import Pieces, TreeFile
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.memory.names import LONGEST_NAME, Folder, Names, check, check_target
from bundler.rootfs.owners import Owners, kept
from bundler.rootfs.paths import join
from bundler.rootfs.sparse_files import placed, read_part

_TYPE_BITS: Final = 3
_TYPE_MASK: Final = (1 << _TYPE_BITS) - 1
_TYPES: Final = {number: kind for kind, number in DIRENT_TYPES.items()}
_DIRECTORY: Final = DIRENT_TYPES[stat.S_IFDIR]
_REGULAR: Final = DIRENT_TYPES[stat.S_IFREG]
# Where symlinks lead is asked again for each directory below them; of so many it is kept.
_MOST_TARGETS: Final = 1 << 16
_LONGEST_TARGET: Final = 256
# What an image has for holes, maps of chunks and zeros between pieces, has to be hashed with all else.
_MOST_HOLES: Final = 8 << 30


class ImageTree(Names[int]):
    """The tree in an image that is being written. What is kept of a file is the number of its inode, and its type.

    `owners` says what becomes of owners (None: they are kept); `inventory` is told of all that is made.
    """

    def __init__(self, writer: ErofsWriter, owners: Owners | None = None, inventory: Inventory | None = None) -> None:
        super().__init__()
        self.owners = owners or kept()
        self._writer = writer
        self._inventory = inventory
        self._targets: dict[int, bytes] = {}
        self._holes_left = _MOST_HOLES
        self._directory: tuple[Folder[int], bytes] = (self._root, b"")  # the one used last, and its path
        self._describe(self._root, self._root.attributes)

    def make_file(
        self,
        path: bytes,
        attributes: Attributes,
        content: Iterable[Content],
        *,
        sparse: tuple[tuple[int, int], ...] | None = None,
        size: int = 0,
        digest: RunningHash | None = None,
    ) -> None:
        folder, name = self._room(path)
        attributes = self._adapt(attributes, stat.S_IFREG)
        if digest is None and self._inventory is not None:
            digest = self._inventory.digest(size, sparse)
        described = _described(attributes, stat.S_IFREG)
        if sparse is None:
            number = self._writer.add_file(described, _hashed(content, digest), size)
        else:
            self._holes_left -= Chunks(sparse, size).taken - sum(length for _, length in sparse)
            if self._holes_left < 0:
                raise OSError(errno.EFBIG, "File too large: its holes take more room than an image has for them")
            number = self._writer.add_sparse(described, placed(content, sparse, size, digest), sparse, size)
        folder.names[name] = number << _TYPE_BITS | _REGULAR
        if self._inventory is not None:
            sha256 = None if digest is None else digest.hexdigest()
            self._inventory.add(join(folder.path, name), stat.S_IFREG, attributes, size=size, digest=sha256)

    def make_row(self, directory: bytes, row: FileRow, content: Iterable[Content]) -> None:
        """What make_file does, for nearly all files of an image, in a third of the time."""
        name, mode, uid, gid, size, mtime, _, _ = row
        folder = self._follow(directory, create=True)
        if name in folder.names or len(name) > LONGEST_NAME:
            self._room(join(directory, name))  # which says what is wrong
        if self.owners.confined:  # then there may be more to say of the file
            attributes = Attributes(mode, uid, gid, mtime, mtime)
            self.make_file(join(directory, name), attributes, content, size=size, digest=KnownDigest(row[-1]))
            return
        if self.owners.maps:
            uid, gid = (shifts.shift(number) for shifts, number in zip(self.owners.maps, (uid, gid), strict=True))
        described = erofs_writer.InodeAttributes(stat.S_IFREG | mode, uid, gid, mtime)
        folder.names[name] = self._writer.add_file(described, content, size) << _TYPE_BITS | _REGULAR
        if self._inventory is not None:
            if self._directory[0] is not folder:
                self._directory = folder, folder.path
            self._inventory.add_file(join(self._directory[1], name), (uid, gid), row)

    def make_symlink(self, path: bytes, target: bytes, attributes: Attributes) -> None:
        check_target(target)
        folder, name = self._room(path)
        attributes = self._adapt(attributes, stat.S_IFLNK)
        number = self._writer.add_file(_described(attributes, stat.S_IFLNK), (target,), len(target))
        self._put(folder, name, number, stat.S_IFLNK, attributes, target=target)

    def make_node(self, path: bytes, kind: int, device: tuple[int, int], attributes: Attributes) -> None:
        folder, name = self._room(path)
        attributes = self._adapt(attributes, kind)
        number = self._writer.add_node(_described(attributes, kind), device)
        self._put(folder, name, number, kind, attributes, device=device)

    def look(self, path: bytes) -> TreeFile | None:
        node = self._node(path)
        if node is None:
            return None
        if isinstance(node, Folder):
            return TreeFile(path, stat.S_IFDIR, node.attributes)
        kind, inode = self._type(node), self._writer.inode(node >> _TYPE_BITS)
        mode = None if kind == stat.S_IFLNK else inode.mode
        return TreeFile(
            path,
            kind,
            Attributes(mode, inode.uid, inode.gid, inode.mtime, inode.mtime, inode.xattrs),
            size=inode.size if kind == stat.S_IFREG else 0,
            target=self._target(node) if kind == stat.S_IFLNK else b"",
            device=inode.device,
            links=inode.links,
            inode=(0, inode.number) if inode.links > 1 else None,
        )

    @contextmanager
    def pieces(self, file: TreeFile) -> Iterator[Pieces]:
        yield self._pieces(self._regular(file.path))

    def read(self, path: bytes, most: int, offset: int = 0) -> bytes:
        inode = self._regular(path)
        pieces, stored = self._pieces(inode)
        return read_part(stored, pieces, inode.size, most, offset)

    def _regular(self, path: bytes) -> Inode:
        node = self._node(path)
        if node is None or isinstance(node, Folder) or self._type(node) != stat.S_IFREG:
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        return self._writer.inode(node >> _TYPE_BITS)

    def _pieces(self, inode: Inode) -> Pieces:
        pieces = inode.sparse
        if pieces is None:
            pieces = ((0, inode.size),) if inode.size else ()
        return pieces, self._writer.content(inode)

    def finish(self) -> bytes:
        """Write the directories and what makes it an image; nothing can be done with the tree then. Gives the UUID.

        Raises BundlerError where the machine is the reason.
        """
        try:
            return self._finish()
        except OSError as error:
            raise explain(error, "the image of the root filesystem") from error

    def _finish(self) -> bytes:
        places: dict[Folder[int], DirectoryPlace] = {}
        for folder in self._folders():
            attributes = encode_xattrs(folder.attributes.xattrs)
            size = directory_size(with_dots(list(folder.names)))
            places[folder] = self._writer.reserve_directory(size, len(attributes), is_root=folder is self._root)
        for folder, place in places.items():
            entries = [
                (b".", place.number, _DIRECTORY),
                (b"..", places[folder.parent].number, _DIRECTORY),
                *(
                    (name, places[node].number, _DIRECTORY)
                    if isinstance(node, Folder)
                    else (name, node >> _TYPE_BITS, node & _TYPE_MASK)
                    for name, node in folder.names.items()
                ),
            ]
            self._writer.write_directory(place, _described(folder.attributes, stat.S_IFDIR), sorted(entries))
        return self._writer.finish(places[self._root])

    @property
    def hashes(self) -> BlockHashes:
        """Those of the finished image's blocks."""
        return self._writer.hashes

    def _folders(self) -> Iterator[Folder[int]]:
        """All directories, each before those that it holds."""
        pending = [self._root]
        while pending:
            folder = pending.pop()
            yield folder
            pending += [node for _, node in sorted(folder.names.items(), reverse=True) if isinstance(node, Folder)]

    def _put(
        self,
        folder: Folder[int],
        name: bytes,
        number: int,
        kind: int,
        attributes: Attributes,
        *,
        target: bytes = b"",
        device: tuple[int, int] = (0, 0),
    ) -> None:
        folder.names[name] = number << _TYPE_BITS | DIRENT_TYPES[kind]
        if self._inventory is not None:
            self._inventory.add(join(folder.path, name), kind, attributes, target=target, device=device)

    def _type(self, file: int) -> int:
        return _TYPES[file & _TYPE_MASK]

    def _target(self, link: int) -> bytes:
        known = self._targets.get(link)
        if known is not None:
            return known
        target = b"".join(self._writer.content(self._writer.inode(link >> _TYPE_BITS)))
        if len(target) <= _LONGEST_TARGET and len(self._targets) < _MOST_TARGETS:
            self._targets[link] = target
        return target

    def _describe(self, folder: Folder[int], attributes: Attributes) -> None:
        folder.attributes = attributes = self._adapt(attributes, stat.S_IFDIR)
        taken = len(encode_xattrs(attributes.xattrs))
        if folder is self._root and taken > erofs_writer.MOST_OF_ROOT:
            raise OSError(errno.E2BIG, "the root directory has too many extended attributes for an image")
        if self._inventory is not None:
            self._inventory.add(folder.path, stat.S_IFDIR, attributes)

    def _drop(self, folder: Folder[int], name: bytes) -> None:
        if self._inventory is not None:
            self._inventory.remove(join(folder.path, name))
        pending = [folder.names[name]]
        while pending:
            node = pending.pop()
            if isinstance(node, Folder):
                pending += node.names.values()
            elif not self._writer.link(node >> _TYPE_BITS, -1):
                self._targets.pop(node, None)

    def _link(self, folder: Folder[int], name: bytes, file: int, known: bytes) -> None:
        self._writer.link(file >> _TYPE_BITS, 1)
        if self._inventory is not None:
            self._inventory.link(join(folder.path, name), known)

    def _adapt(self, attributes: Attributes, kind: int) -> Attributes:
        """What a disk would have of them: with an ACL, the mode is what that says; some mean nothing on some files."""
        if not attributes.xattrs:
            return self.owners.adapt(attributes)
        check(attributes, kind)
        attributes = self.owners.adapt(attributes)
        return replace(
            attributes,
            mode=None if attributes.mode is None else acl.mode_with(attributes.mode, attributes.xattrs),
            xattrs={name: value for name, value in attributes.xattrs.items() if is_kept(name, kind, value)},
        )


def _described(attributes: Attributes, kind: int) -> erofs_writer.InodeAttributes:
    mode = kind | (0o777 if attributes.mode is None else attributes.mode)
    return erofs_writer.InodeAttributes(
        mode, attributes.uid, attributes.gid, attributes.mtime, encode_xattrs(attributes.xattrs)
    )


def _hashed(content: Iterable[Content], digest: RunningHash | None) -> Iterator[Content]:
    for piece in content:
        if digest is not None:
            digest.update(piece)
        yield piece
