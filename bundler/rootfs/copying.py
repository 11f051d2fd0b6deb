"""Files of one tree in another: everything that a layer could say of them is copied.

So a volume begins: with the image's content at its path, as Docker copies that into a new volume.
"""

import stat
from pathlib import Path

from bundler.disk_space import full_disk
from bundler.errors import ImageError, printable
from bundler.rootfs.attributes import implied
from bundler.rootfs.directories import explain
from bundler.rootfs.home import Home
from bundler.rootfs.owners import Owners
from bundler.rootfs.paths import PathError, clean, join
from bundler.rootfs.tree import Tree


class Copy:
    """Copies from `source` to `target`, one file at a time. Files with several names stay one file. OSError."""

    def __init__(self, source: Home, target: Tree) -> None:
        self._source = source
        self._target = target
        self._linked: dict[tuple[int, int], bytes] = {}

    def add(self, original: bytes, path: bytes) -> bool:
        """Copy what is at `original` to `path`; whether it is a directory, which may hold more."""
        file = self._source.look(original)
        if file is None:
            return False
        if file.inode is not None:
            first = self._linked.setdefault(file.inode, path)
            if first != path:
                self._target.make_hard_link(path, first)
                return False
        if file.kind == stat.S_IFDIR:
            self._target.make_directory(path, file.attributes)
        elif file.kind == stat.S_IFREG:
            with self._source.pieces(file) as (pieces, content):
                self._target.make_file(path, file.attributes, content, sparse=pieces, size=file.size)
        elif file.kind == stat.S_IFLNK:
            self._target.make_symlink(path, file.target, file.attributes)
        elif file.kind != stat.S_IFSOCK:  # a socket is of the process that listens on it
            self._target.make_node(path, file.kind, file.device, file.attributes)
        return file.kind == stat.S_IFDIR


def seed_volume(tree: Home, path: bytes, destination: Path, owners: Owners) -> None:
    """Make the directory `destination` (its parent exists) with all that the directory `path` of `tree` holds.

    `owners` say what becomes of the owners that files have in the tree.

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
        raise full_disk(error, f"volume {name}") or ImageError(f"volume {name}: {error.strerror}") from error
    try:
        destination.mkdir(mode=0o700)
        with Tree(destination, owners) as volume:
            if source is None:
                volume.make_directory(b"", tree.owners.adapt(implied()))
            else:
                _copy_all(tree, source, volume)
    except OSError as error:
        raise explain(error, f"volume {name}") from error


def _copy_all(source: Home, top: bytes, volume: Tree) -> None:
    """All that the directory `top` of `source` holds, and its attributes."""
    copy = Copy(source, volume)
    pending = [b""]
    while pending:
        path = pending.pop()
        original = join(top, path) if path else top
        if copy.add(original, path):
            pending += [join(path, name) for name in reversed(source.names(original))]
