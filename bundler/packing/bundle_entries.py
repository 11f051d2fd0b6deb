"""The entries of a packed bundle: its files in order, compared with rootfs.mtree in the same pass.

Each line of the manifest is made again from what goes into the archive, and compared. So no file is read twice, and
what was verified is what is in the archive.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Self

from bundler.archives.entry import StoredEntry
from bundler.bundles.bundle import Bundle
from bundler.bundles.data_folders import DataFiles
from bundler.bundles.files import BundleFiles, bundle_owners
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.hashed_files import HashedFiles
from bundler.bundles.verification.left_behind import find_left_behind
from bundler.packing.file_entries import FileEntries
from bundler.packing.rootfs_manifest import RootfsManifest, check_beside_rootfs, check_contents

Task = tuple[str, str | None, str | None, tuple[str, ...]]
"""The arguments with which a worker makes the same entries: plain values."""


class BundleEntries:
    """The entries of a bundle, in order, each with what is stored for it, in pieces that are good until the next.

    With a `hint`, the bundle must be unchanged since it was built; iteration raises DifferenceError with the hint if it
    is not. With a folder of `documents`, the entries are those of a backup: the documents, then the files in the
    bundle's data `folders`. `known` are files that other bundles share with this one.
    """

    def __init__(
        self,
        bundle: Bundle,
        hint: str | None,
        *,
        documents: Path | None = None,
        folders: Sequence[str] = (),
        known: HashedFiles | None = None,
    ) -> None:
        self.bundle = bundle
        self.hint = hint
        self.task: Task = (
            os.fspath(bundle.path),
            hint,
            None if documents is None else os.fspath(documents),
            tuple(folders),
        )
        self._documents, self._folders = documents, folders
        self._known = known

    @classmethod
    def of(cls, task: "Task") -> Self:
        """The entries that another process's `task` describes."""
        bundle, hint, documents, folders = task
        return cls(
            Bundle(Path(bundle)), hint, documents=None if documents is None else Path(documents), folders=folders
        )

    def __iter__(self) -> Iterator[StoredEntry]:
        reader = FileEntries(self.bundle.label)
        for files in self._files():
            manifest = None if self.hint is None else RootfsManifest(self.bundle, self.hint, self._known)
            yield from reader.of(files, manifest)

    def outline(self) -> Iterator[StoredEntry]:
        """The same entries without content. All but rootfs/ is verified; for rootfs/ there is `check_contents`."""
        if self.hint is not None:
            check_beside_rootfs(self.bundle, self.hint, Verification(self.bundle, known=self._known))
        for files in self._files():
            yield from FileEntries(self.bundle.label).outline(files)

    def check_contents(self, paths: Collection[bytes]) -> None:
        """Raise DifferenceError unless the files of rootfs/ among `paths` have the content that was built."""
        if self.hint is not None:
            check_contents(self.bundle, self.hint, paths)

    def _files(self) -> Iterator[BundleFiles]:
        bundle = self.bundle
        if self._documents is not None:
            yield BundleFiles(self._documents, owned=False)
            yield DataFiles(bundle.path, self._folders, owned=bundle.owned)
            return
        left = None if self.hint is None else find_left_behind(bundle, bundle_owners())
        yield BundleFiles(bundle.path, owned=bundle.owned, left=left)
