"""Files of one tree in another: everything that a layer could say of them is copied.

So a volume begins: with the image's content at its path, as Docker copies that into a new volume.
"""

import os
import stat
from pathlib import Path

from bundler.errors import ImageError, printable
from bundler.rootfs.attributes import Attributes, implied
from bundler.rootfs.directories import explain
from bundler.rootfs.paths import PathError, clean, join
from bundler.rootfs.sparse_files import find_pieces, read_pieces
from bundler.rootfs.tree import Tree


class Copy:
    """Copies from `source` to `target`, one file at a time. Files with several names stay one file. OSError."""

    def __init__(self, source: Tree, target: Tree) -> None:
        self._source = source
        self._target = target
        self._linked: dict[tuple[int, int], bytes] = {}

    def add(self, original: bytes, path: bytes) -> bool:
        """Copy what is at `original` to `path`; whether it is a directory, which may hold more."""
        status = self._source.status(original)
        if status is None:
            return False
        kind = stat.S_IFMT(status.st_mode)
        if kind != stat.S_IFDIR and status.st_nlink > 1:
            first = self._linked.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                self._target.make_hard_link(path, first)
                return False
        attributes = self._source.attributes(original)
        if kind == stat.S_IFDIR:
            self._target.make_directory(path, attributes)
        elif kind == stat.S_IFREG:
            self._copy_content(original, path, status.st_size, attributes)
        elif kind == stat.S_IFLNK:
            self._target.make_symlink(path, self._source.read_link(original), attributes)
        elif kind != stat.S_IFSOCK:  # a socket is of the process that listens on it
            device = os.major(status.st_rdev), os.minor(status.st_rdev)
            self._target.make_node(path, kind, device, attributes)
        return kind == stat.S_IFDIR

    def _copy_content(self, original: bytes, path: bytes, size: int, attributes: Attributes) -> None:
        descriptor = self._source.open_file(original)
        try:
            pieces = tuple(find_pieces(descriptor, size))
            content = read_pieces(descriptor, pieces)
            self._target.make_file(path, attributes, content, sparse=pieces, size=size)
        finally:
            os.close(descriptor)


def seed_volume(tree: Tree, path: bytes, destination: Path) -> None:
    """Make the directory `destination` (its parent exists) with all that the directory `path` of `tree` holds.

    The directory's own attributes are copied too; symlinks on the way to it are resolved inside the tree. An absent
    path gives an empty directory, 0755, root's. Raises ImageError if something else is there.
    """
    name = printable(path)
    try:
        source = tree.follow(clean(path))
    except FileNotFoundError:
        source = None
    except NotADirectoryError as error:
        raise ImageError(f"volume {name}: /{printable(error.filename)} in the image is not a directory") from error
    except PathError as error:
        raise ImageError(f"volume {name}: {error}") from error
    except OSError as error:
        raise ImageError(f"volume {name}: {error.strerror}") from error
    try:
        destination.mkdir(mode=0o700)
        with Tree(destination, tree.owners.as_they_are()) as volume:
            if source is None:
                volume.make_directory(b"", tree.owners.adapt(implied()))
            else:
                _copy_all(tree, source, volume)
    except OSError as error:
        raise explain(error, f"volume {name}") from error


def _copy_all(source: Tree, top: bytes, volume: Tree) -> None:
    """All that the directory `top` of `source` holds, and its attributes."""
    copy = Copy(source, volume)
    pending = [b""]
    while pending:
        path = pending.pop()
        original = join(top, path) if path else top
        if copy.add(original, path):
            pending += [join(path, name) for name in reversed(source.names(original))]
