"""What a volume begins with: the image's content at that path, as Docker copies it into a new volume."""

import os
import stat
from pathlib import Path

from bundler.errors import ImageError, printable
from bundler.rootfs.attributes import implied
from bundler.rootfs.failures import explain
from bundler.rootfs.paths import PathError, clean, join
from bundler.rootfs.sparse_files import find_pieces, read_pieces
from bundler.rootfs.tree import Place, Tree


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
                volume.make_directory(volume.locate(b""), tree.owners.adapt(implied()))
            else:
                _Copy(tree, source, volume).run()
    except OSError as error:
        raise explain(error, f"volume {name}") from error


class _Copy:
    """Copies the directory `top` of one tree to the root of another. Files with several names stay one file."""

    def __init__(self, source: Tree, top: bytes, volume: Tree) -> None:
        self._source = source
        self._top = top
        self._volume = volume
        self._linked: dict[tuple[int, int], bytes] = {}

    def run(self) -> None:
        pending = [b""]
        while pending:
            path = pending.pop()
            if self._copy(path):
                names = self._source.names(self._in_source(path))
                pending += [join(path, name) for name in reversed(names)]

    def _in_source(self, path: bytes) -> bytes:
        return join(self._top, path) if path else self._top

    def _copy(self, path: bytes) -> bool:
        """Copy one file; whether it is a directory, which may hold more."""
        place = self._source.locate(self._in_source(path))
        status = self._source.status(place)
        if status is None:
            return False
        kind = stat.S_IFMT(status.st_mode)
        if kind != stat.S_IFDIR and status.st_nlink > 1:
            first = self._linked.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                self._volume.make_hard_link(path, first)
                return False
        attributes = self._source.attributes(place)
        copy = self._volume.locate(path)
        if kind == stat.S_IFDIR:
            self._volume.make_directory(copy, attributes)
        elif kind == stat.S_IFREG:
            self._copy_content(place, copy, status.st_size)
        elif kind == stat.S_IFLNK:
            self._volume.make_symlink(copy, self._source.read_link(place), attributes)
        elif kind != stat.S_IFSOCK:  # a socket is of the process that listens on it
            device = os.major(status.st_rdev), os.minor(status.st_rdev)
            self._volume.make_node(copy, kind, device, attributes)
        return kind == stat.S_IFDIR

    def _copy_content(self, place: Place, copy: Place, size: int) -> None:
        attributes = self._source.attributes(place)
        descriptor = self._source.open_file(place)
        try:
            pieces = tuple(find_pieces(descriptor, size))
            content = read_pieces(descriptor, pieces)
            self._volume.make_file(copy, attributes, content, sparse=pieces, size=size)
        finally:
            os.close(descriptor)
