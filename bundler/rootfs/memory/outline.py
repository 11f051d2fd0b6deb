"""A root filesystem in memory: its names, and where in the layers the content of its files lies.

It answers what a tree on disk would, where something is only to be looked up. Nothing is written anywhere, so any
user can make one, and nothing can be left behind.
"""

import errno
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bundler.archives.entry import FileRow
from bundler.archives.stream import Content, RunningHash
from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import Attributes, implied
from bundler.rootfs.home import Pieces, TreeFile
from bundler.rootfs.memory.names import Folder, Names, check, check_target
from bundler.rootfs.owners import ignored
from bundler.rootfs.paths import join
from bundler.rootfs.sparse_files import read_part


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: `content` gives what is stored for it, once it is asked for."""

    content: Iterable[Content]
    size: int
    sparse: tuple[tuple[int, int], ...] | None = None

    def read(self, most: int, offset: int = 0) -> bytes:
        """At most `most` bytes from `offset` on, both of which a hostile file may state."""
        pieces = ((0, self.size),) if self.sparse is None else self.sparse
        return read_part(self.content, pieces, self.size, most, offset)


Kept = File | bytes | int
"""What is kept of anything but a directory. Bytes are a symlink, which leads there; a number is an S_IF... type."""


class Outline(Names[Kept]):
    """Attributes and times are checked and forgotten: readers of an outline ask for names and content."""

    def __init__(self) -> None:
        super().__init__()
        self.owners = ignored()

    def make_file(
        self,
        path: bytes,
        attributes: Attributes,
        content: Iterable[Content],
        *,
        sparse: tuple[tuple[int, int], ...] | None = None,
        size: int = 0,
        digest: RunningHash | None = None,  # noqa: ARG002 -- content is not read here
    ) -> None:
        self._put(path, File(content, size, sparse), attributes, stat.S_IFREG)

    def make_row(self, directory: bytes, row: FileRow, content: Iterable[Content]) -> None:
        self._put(join(directory, row[0]), File(content, row[4]), implied(), stat.S_IFREG)

    def make_symlink(self, path: bytes, target: bytes, attributes: Attributes) -> None:
        check_target(target)
        self._put(path, target, attributes, stat.S_IFLNK)

    def make_node(self, path: bytes, kind: int, device: tuple[int, int], attributes: Attributes) -> None:  # noqa: ARG002
        self._put(path, kind, attributes, kind)

    def look(self, path: bytes) -> TreeFile | None:
        """Its attributes are not known here."""
        node = self._node(path)
        if node is None:
            return None
        kind = self._kind(node)
        size = node.size if isinstance(node, File) else 0
        return TreeFile(path, kind, implied(), size=size, target=node if isinstance(node, bytes) else b"")

    @contextmanager
    def pieces(self, file: TreeFile) -> Iterator[Pieces]:
        node = self._node(file.path)
        if not isinstance(node, File):
            raise OSError(errno.EINVAL, "it is not a regular file", file.path)
        yield ((0, node.size),) if node.sparse is None else node.sparse, node.content

    def read(self, path: bytes, most: int, offset: int = 0) -> bytes:
        node = self._node(path)
        if not isinstance(node, File):
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        return node.read(most, offset)

    def _put(self, path: bytes, node: Kept, attributes: Attributes, kind: int) -> None:
        folder, name = self._room(path)
        check(attributes, kind)
        folder.names[name] = node

    def _type(self, file: Kept) -> int:
        if isinstance(file, File):
            return stat.S_IFREG
        return stat.S_IFLNK if isinstance(file, bytes) else file

    def _target(self, link: Kept) -> bytes:
        return link if isinstance(link, bytes) else b""

    def _describe(self, folder: Folder[Kept], attributes: Attributes) -> None:
        pass

    def _drop(self, folder: Folder[Kept], name: bytes) -> None:
        pass

    def _link(self, folder: Folder[Kept], name: bytes, file: Kept, known: bytes) -> None:
        pass
