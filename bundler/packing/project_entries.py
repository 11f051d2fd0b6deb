"""The entries of a packed project: project.json, then its bundles by name, last its volumes.

Each bundle has the entries that `pack` writes for it alone, in its folder. An image of a root filesystem that several
bundles have is stored once: the others have a hard link to the first. The digest decides, not how the disk shares the
file, so that the same project gives the same bytes.
"""

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from bundler.archives.entry import HARD_LINK, StoredEntry
from bundler.bundles.bundle import Bundle
from bundler.bundles.files import BundleFile, BundleFiles
from bundler.bundles.rootfs_image import IMAGE, image_digest, image_size
from bundler.bundles.verification.bundle_verification import has_built_image
from bundler.bundles.verification.hashed_files import HashedFiles
from bundler.errors import DifferenceError, printable
from bundler.packing.bundle_entries import BundleEntries
from bundler.packing.file_entries import FileEntries
from bundler.packing.rootfs_manifest import content_size, size_below
from bundler.project.record import NAME, VOLUMES, ProjectRecord
from bundler.project.verification import ProjectVerification
from bundler.rootfs.scan import walk_folder
from bundler.rootfs.tree import Tree

_WRITABLE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_TOP: Final = b"./"

Task = tuple[str, str | None]
"""The arguments with which a worker makes the same entries: plain values."""


class ProjectEntries:
    """The entries of the project in `folder`, in order, each with what is stored for it, in pieces that are good until
    the next.

    With a `hint`, the project must be unchanged since it was built; iteration raises DifferenceError with the hint if
    it is not.
    """

    def __init__(self, folder: Path, hint: str | None) -> None:
        self.folder = folder
        self.hint = hint
        self.task: Task = os.fspath(folder), hint

    @classmethod
    def of(cls, task: Task) -> Self:
        """The entries that another process's `task` describes."""
        folder, hint = task
        return cls(Path(folder), hint)

    def __iter__(self) -> Iterator[StoredEntry]:
        return self._entries(FileEntries.of, BundleEntries.__iter__)

    def outline(self) -> Iterator[StoredEntry]:
        """The same entries without content. All but each rootfs/ is verified; for those there is `check_contents`."""
        return self._entries(FileEntries.outline, BundleEntries.outline)

    def check_contents(self, paths: Collection[bytes]) -> None:
        """Raise DifferenceError unless the files of any rootfs/ among `paths` have the content that was built."""
        for name, bundle in open_bundles(self.folder).items():
            folder = os.fsencode(name) + b"/"
            below = [path.removeprefix(folder) for path in paths if path.startswith(folder)]
            BundleEntries(bundle, self.hint).check_contents(below)

    def _entries(
        self,
        of_files: Callable[[FileEntries, BundleFiles], Iterator[StoredEntry]],
        of_bundle: Callable[[BundleEntries], Iterator[StoredEntry]],
    ) -> Iterator[StoredEntry]:
        label = printable(str(self.folder))
        if self.hint is not None:
            for change in ProjectVerification(self.folder).changes_beside_bundles():
                raise DifferenceError(
                    f"{label} is not what was built: {printable(change.path)} differs", hint=self.hint
                )
        bundles, known = open_bundles(self.folder), HashedFiles()
        shared = shared_images(bundles, None if self.hint is not None else known)
        yield from of_files(FileEntries(label), OwnFiles(self.folder))
        for name, bundle in bundles.items():
            yield from _below(name, of_bundle(BundleEntries(bundle, self.hint, known=known)), shared.get(name))
        owned = any(bundle.owned for bundle in bundles.values())
        yield from of_files(FileEntries(label), VolumeFiles(self.folder, owned=owned))


def open_bundles(folder: Path) -> dict[str, Bundle]:
    """The bundles of the project in `folder`, in the order of an archive. Raises RequestError."""
    names = sorted(bundle.name for bundle in ProjectRecord.open(folder).bundles)
    return {name: Bundle.open(folder / name) for name in names}


def shared_images(bundles: Mapping[str, Bundle], known: HashedFiles | None = None) -> dict[str, str]:
    """The bundles whose image of a root filesystem an earlier bundle has, too, each with the name of that bundle.

    With `known`, the images are verified, and those are read that are not among these files; without, the caller
    verifies them anyway. An image that its owner may write to is not shared.
    """
    first: dict[str, str] = {}
    shared = {}
    for name, bundle in bundles.items():
        record = bundle.any_record
        digest = None if record is None else image_digest(record.document)
        if (
            digest is None
            or not _is_sealed(bundle.path / IMAGE)
            or not (known is None or has_built_image(bundle, known))
        ):
            continue
        if first.setdefault(digest, name) != name:
            shared[name] = first[digest]
    return shared


def project_size(folder: Path) -> int | None:
    """The bytes of all files of the project, each counted once; None if they are not known of one of its bundles."""
    bundles = open_bundles(folder)
    sizes = [content_size(bundle) for bundle in bundles.values()]
    if None in sizes:
        return None
    shared = shared_images(bundles)
    twice = sum(image_size(bundles[name].record.document) or 0 for name in shared)
    return sum(size or 0 for size in sizes) + size_below(folder / VOLUMES) - twice


def _is_sealed(image: Path) -> bool:
    try:
        return not image.lstat().st_mode & _WRITABLE
    except OSError:
        return False


def _below(name: str, entries: Iterable[StoredEntry], first: str | None) -> Iterator[StoredEntry]:
    """The `entries` of the bundle `name` in its folder; with that of the bundle `first`, its image is a hard link."""
    folder = _TOP + os.fsencode(name) + b"/"
    for entry, content in entries:
        path = entry.name.removeprefix(_TOP)
        entry.name = folder + path
        if entry.kind == HARD_LINK:
            entry.link_name = folder + entry.link_name.removeprefix(_TOP)
        if first is not None and path == IMAGE.encode():
            link = _TOP + os.fsencode(f"{first}/{IMAGE}")
            yield replace(entry, kind=HARD_LINK, link_name=link, stored_size=0, sparse=None, xattrs={}), ()
        else:
            yield entry, content


class OwnFiles(BundleFiles):
    """The project's directory itself, and project.json."""

    def __init__(self, project: Path) -> None:
        super().__init__(project, owned=False)  # they are the user's who has made them

    def walk(self, tree: Tree) -> Iterator[BundleFile]:
        for path in (b"", NAME.encode()):
            file = tree.look(path)
            if file is not None:
                file.attributes = self._normal(file)
                yield BundleFile(file)


class VolumeFiles(BundleFiles):
    """The volumes of a project, and all that they hold. What has another name in another one is a file of its own.

    `owned` says whether they belong to users of containers, as the files of bundles do.
    """

    def walk(self, tree: Tree) -> Iterator[BundleFile]:
        """A directory before what it holds. Sockets belong to a process and not to the project."""
        first: dict[tuple[bytes, tuple[int, int]], bytes] = {}
        for file in walk_folder(tree, VOLUMES.encode()):
            if file.kind == stat.S_IFSOCK:
                continue
            file.attributes = self._normal(file)
            volume = b"/".join(file.path.split(b"/")[:2])
            known = file.path if file.inode is None else first.setdefault((volume, file.inode), file.path)
            yield BundleFile(file, None if known == file.path else known)
