"""Files of one tree in another: everything that a layer could say of them is copied."""

import os
import stat

from bundler.rootfs.sparse_files import find_pieces, read_pieces
from bundler.rootfs.tree import Place, Tree


class Copy:
    """Copies from `source` to `target`, one file at a time. Files with several names stay one file. OSError."""

    def __init__(self, source: Tree, target: Tree) -> None:
        self._source = source
        self._target = target
        self._linked: dict[tuple[int, int], bytes] = {}

    def add(self, original: bytes, path: bytes) -> bool:
        """Copy what is at `original` to `path`; whether it is a directory, which may hold more."""
        place = self._source.locate(original)
        status = self._source.status(place)
        if status is None:
            return False
        kind = stat.S_IFMT(status.st_mode)
        if kind != stat.S_IFDIR and status.st_nlink > 1:
            first = self._linked.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                self._target.make_hard_link(path, first)
                return False
        attributes = self._source.attributes(place)
        copy = self._target.locate(path)
        if kind == stat.S_IFDIR:
            self._target.make_directory(copy, attributes)
        elif kind == stat.S_IFREG:
            self._copy_content(place, copy, status.st_size)
        elif kind == stat.S_IFLNK:
            self._target.make_symlink(copy, self._source.read_link(place), attributes)
        elif kind != stat.S_IFSOCK:  # a socket is of the process that listens on it
            device = os.major(status.st_rdev), os.minor(status.st_rdev)
            self._target.make_node(copy, kind, device, attributes)
        return kind == stat.S_IFDIR

    def _copy_content(self, place: Place, copy: Place, size: int) -> None:
        attributes = self._source.attributes(place)
        descriptor = self._source.open_file(place)
        try:
            pieces = tuple(find_pieces(descriptor, size))
            content = read_pieces(descriptor, pieces)
            self._target.make_file(copy, attributes, content, sparse=pieces, size=size)
        finally:
            os.close(descriptor)
