"""What a volume begins with: the image's content at that path, as Docker copies it into a new volume."""

from pathlib import Path

from bundler.errors import ImageError, printable
from bundler.rootfs.attributes import implied
from bundler.rootfs.copying import Copy
from bundler.rootfs.failures import explain
from bundler.rootfs.paths import PathError, clean, join
from bundler.rootfs.tree import Tree


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
