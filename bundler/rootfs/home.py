"""Where the files of an image may be put: what a changeset asks of a tree on disk (tree.py) or in memory (outline.py).

Paths are those of paths.py. Methods raise OSError, whose `filename` is a path in the tree, as the kernel would.
"""

import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final, Generic, Protocol, TypeVar

from bundler.archives.entry import FileRow
from bundler.archives.stream import Content, RunningHash
from bundler.errors import ImageError, printable
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.owners import Owners
from bundler.rootfs.paths import PathError, clean

_TYPES: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symlink",
    stat.S_IFIFO: "a fifo",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
# The kernel's own limits (path_resolution(7)); a longer path could be built through links, and used by nobody.
MOST_LINKS: Final = 40
LONGEST_PATH: Final = 4095


class Located(Protocol):
    """A name in a directory, there or not. It is good until the next one is located."""

    @property
    def path(self) -> bytes:
        """The path, without a symlink in it but perhaps at its end."""
        ...


P = TypeVar("P", bound=Located)


class Home(ABC, Generic[P]):
    """A tree that a changeset can be applied to; what each method does in detail stands in tree.py.

    `owners` is what becomes of owners, and counts what is left out.
    """

    owners: Owners

    @abstractmethod
    def locate(self, path: bytes, *, create: bool = False) -> P:
        """Where `path` is or would be. `create` makes the directories above it that are missing."""

    @abstractmethod
    def follow(self, path: bytes, *, create: bool = False) -> bytes:
        """The path of the directory that `path` leads to, the last component followed too, inside the tree."""

    @abstractmethod
    def kind(self, place: P) -> int:
        """The S_IF... type of what is there, or 0."""

    @abstractmethod
    def names(self, path: bytes) -> list[bytes]:
        """What a directory holds, sorted."""

    @abstractmethod
    def remove(self, place: P) -> None:
        """Remove what is there, directories with all they hold."""

    @abstractmethod
    def make_directory(self, place: P, attributes: Attributes) -> bool:
        """Create a directory, or give the one that is there other attributes; whether one was created."""

    @abstractmethod
    def make_file(
        self,
        place: P,
        attributes: Attributes,
        content: Iterable[Content],
        *,
        sparse: tuple[tuple[int, int], ...] | None = None,
        size: int = 0,
        digest: RunningHash | None = None,
    ) -> None:
        """Create a regular file of `size`, whose content lies at the (offset, length) of `sparse`, if it is given."""

    @abstractmethod
    def make_row(self, directory: bytes, row: FileRow, content: Iterable[Content]) -> P:
        """Create a regular file of which there is nothing more to say."""

    @abstractmethod
    def make_symlink(self, place: P, target: bytes, attributes: Attributes) -> None:
        """Create a symlink."""

    @abstractmethod
    def make_node(self, place: P, kind: int, device: tuple[int, int], attributes: Attributes) -> None:
        """Create a fifo or a device: `kind` is S_IFIFO, S_IFCHR or S_IFBLK."""

    @abstractmethod
    def make_hard_link(self, path: bytes, target: bytes) -> None:
        """Make `path` another name of what `target` is; a symlink gets a second name too, it is not followed."""

    @abstractmethod
    def read(self, place: P, most: int) -> bytes:
        """At most `most` bytes of the regular file that is there."""

    def read_regular(self, path: bytes, limit: int) -> bytes | None:
        """The content of a file that programs trust, such as etc/passwd; None if there is none.

        Directories above it may be symlinks. The file itself has to be a regular one of at most `limit` bytes: it is
        the image that says what it is, and reading a fifo would hang. Raises ImageError.
        """
        name = printable(path)
        try:
            place = self.locate(path)
            kind = self.kind(place)
            if not kind:
                return None
            if kind != stat.S_IFREG:
                raise ImageError(f"/{name} in the image is {_TYPES.get(kind, 'no file')}, not a regular file")
            content = self.read(place, limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ImageError(f"/{name} in the image cannot be read: {error.strerror}") from error
        if len(content) > limit:
            raise ImageError(f"/{name} in the image is larger than {limit} bytes")
        return content

    def make_working_directory(self, path: bytes) -> None:
        """Make sure that `path` is a directory, made as Docker makes it: 0755, root's. Raises ImageError."""
        name = printable(path)
        try:
            self.follow(clean(path), create=True)
        except PathError as error:
            raise ImageError(f"working directory {name}: {error}") from error
        except NotADirectoryError as error:
            found = printable(error.filename)
            raise ImageError(f"working directory {name}: /{found} in the image is not a directory") from error
        except OSError as error:
            raise ImageError(f"working directory {name} cannot be made: {error.strerror}") from error
