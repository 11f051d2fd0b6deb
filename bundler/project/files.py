"""The files of a project that are in none of its bundles, as they are carried elsewhere: project.json and volumes."""

import stat
from collections.abc import Iterator
from pathlib import Path

from bundler.bundles.files import BundleFile, BundleFiles
from bundler.project.record import NAME, VOLUMES
from bundler.rootfs.scan import walk_folder
from bundler.rootfs.tree import Tree


class OwnFiles(BundleFiles):
    """The project's directory itself, and project.json."""

    def __init__(self, project: Path) -> None:
        super().__init__(project, owned=False)  # they are the user's who has made them

    def walk(self, tree: Tree) -> Iterator[BundleFile]:
        for path in (b"", NAME.encode()):
            found = tree.look(path)
            if found is not None:
                found.attributes = self._normal(found)
                yield BundleFile(found)


class VolumeFiles(BundleFiles):
    """The volumes of a project, and all that they hold. What has another name in another one is a file of its own.

    `owned` says whether they belong to users of containers, as the files of bundles do.
    """

    def walk(self, tree: Tree) -> Iterator[BundleFile]:
        """A directory before what it holds. Sockets belong to a process and not to the project."""
        first: dict[tuple[bytes, tuple[int, int]], bytes] = {}
        for found in walk_folder(tree, VOLUMES.encode()):
            if found.kind == stat.S_IFSOCK:
                continue
            found.attributes = self._normal(found)
            volume = b"/".join(found.path.split(b"/")[:2])
            known = found.path if found.file is None else first.setdefault((volume, found.file), found.path)
            yield BundleFile(found, None if known == found.path else known)
