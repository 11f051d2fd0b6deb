"""Where the files of an image may be put: what a changeset asks of a tree on disk (tree.py) or in memory (outline.py).

Paths are those of paths.py. Methods raise OSError, whose `filename` is a path in the tree, as the kernel would.
"""

import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from bundler.archives.entry import FileRow
from bundler.archives.stream import Content, RunningHash
from bundler.disk_space import full_disk
from bundler.errors import ImageError, printable
from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.owners import Owners
from bundler.rootfs.paths import PathError, clean
from bundler.sizes import readable_size

# What a file is, in messages, by its S_IF... type.
FILE_TYPES: Final = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFSOCK: "socket",
}


@dataclass(slots=True)
class TreeFile:
    """A file of a tree, whatever its type: what mtree.describe is given, but for the digest.

    `inode` is (device, inode) of what has several names, None for the others. `closed` says that this user may not
    look into the file or directory.
    """

    path: bytes
    kind: int
    attributes: Attributes
    size: int = 0
    target: bytes = b""
    device: tuple[int, int] = (0, 0)
    links: int = 1
    inode: tuple[int, int] | None = None
    closed: bool = False


Pieces = tuple[tuple[tuple[int, int], ...], Iterable[Content]]
"""The (offset, length) of all that is stored of a file, and that."""


class Home(ABC):
    """A tree that a changeset can be applied to. `owners` is what becomes of owners, and counts what is left out.

    Symlinks on the way to a path are followed inside the tree, at its end only by `follow` and `names`. What makes
    something makes the directories above it that are missing, and raises FileExistsError if something is there.
    """

    owners: Owners

    @abstractmethod
    def resolve(self, path: bytes, *, create: bool = False) -> bytes:
        """The path of what is or would be at `path`, without a symlink in it but perhaps at its end.

        `create` makes the directories above it that are missing.
        """

    @abstractmethod
    def follow(self, path: bytes, *, create: bool = False) -> bytes:
        """The path of the directory that `path` leads to, the last component followed too. `create` makes it."""

    @abstractmethod
    def kind(self, path: bytes) -> int:
        """The S_IF... type of what is at `path`, or 0."""

    @abstractmethod
    def names(self, path: bytes) -> list[bytes]:
        """What a directory holds, sorted."""

    @abstractmethod
    def remove(self, path: bytes) -> None:
        """Remove what is at `path`, directories with all they hold."""

    @abstractmethod
    def make_directory(self, path: bytes, attributes: Attributes) -> bool:
        """Create a directory, or give the one that is there other attributes; whether one was created."""

    @abstractmethod
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
        """Create a regular file of `size`. With `sparse`, `content` is only what lies at its (offset, length).

        `digest` is told of all that a reader of the file will see; None for a file of bundler's own. If something is
        there, nothing of `content` is taken.
        """

    @abstractmethod
    def make_row(self, directory: bytes, row: FileRow, content: Iterable[Content]) -> None:
        """Create a regular file in `directory`, of which there is nothing more to say than `row` does."""

    @abstractmethod
    def make_symlink(self, path: bytes, target: bytes, attributes: Attributes) -> None:
        """Create a symlink."""

    @abstractmethod
    def make_node(self, path: bytes, kind: int, device: tuple[int, int], attributes: Attributes) -> None:
        """Create a fifo or a device: `kind` is S_IFIFO, S_IFCHR or S_IFBLK."""

    @abstractmethod
    def make_hard_link(self, path: bytes, target: bytes) -> None:
        """Make `path` another name of what `target` is; a symlink gets a second name too, it is not followed."""

    @abstractmethod
    def look(self, path: bytes) -> TreeFile | None:
        """What is at `path`; None if nothing is."""

    @abstractmethod
    def read_link(self, path: bytes) -> bytes:
        """Where the symlink at `path` leads."""

    @abstractmethod
    def pieces(self, file: TreeFile) -> AbstractContextManager[Pieces]:
        """What is stored of a regular file."""

    @abstractmethod
    def read(self, path: bytes, most: int, offset: int = 0) -> bytes:
        """At most `most` bytes of the regular file at `path`, from `offset` on."""

    def read_regular(self, path: bytes, limit: int) -> bytes | None:
        """The content of a file that programs trust, such as etc/passwd; None if there is none.

        Directories above it may be symlinks. The file itself has to be a regular one of at most `limit` bytes: it is
        the image that says what it is, and reading a fifo would hang. Raises ImageError.
        """
        name = printable(path)
        try:
            kind = self.kind(path)
            if not kind:
                return None
            if kind != stat.S_IFREG:
                raise ImageError(f"/{name} in the image is a {FILE_TYPES[kind]}, not a regular file")
            content = self.read(path, limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ImageError(f"/{name} in the image cannot be read: {error.strerror}") from error
        if len(content) > limit:
            raise ImageError(f"/{name} in the image is larger than {readable_size(limit)}")
        return content

    def make_working_directory(self, path: bytes) -> None:
        """Make sure that `path` is a directory, made as Docker makes it: 0755, root's. Raises ImageError."""
        name = printable(path)
        try:
            self.follow(clean(path), create=True)
        except PathError as error:
            raise ImageError(f"working directory {name}: {error}") from error
        except NotADirectoryError as error:
            place = printable(error.filename)
            raise ImageError(f"working directory {name}: /{place} in the image is not a directory") from error
        except OSError as error:
            what = f"working directory {name}"
            raise full_disk(error, what) or ImageError(f"{what} cannot be made: {error.strerror}") from error
