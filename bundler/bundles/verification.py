"""Whether a bundle still is what was built: rootfs/ against rootfs.mtree, documents and hooks against bundler.json.

bundler.json is where trust begins: it holds the digests of config.json, of rootfs.mtree and of the files of hooks/.
Who keeps the digest of bundler.json elsewhere can tell whether anything at all was changed.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bundler.bundles.comparison import Change
from bundler.bundles.documents import open_document, read_document
from bundler.bundles.recorded import Recorded
from bundler.bundles.rootfs_comparison import compare_rootfs
from bundler.errors import RequestError, printable
from bundler.rootfs.failures import explain

_REQUIRED: Final = ("config.json", "rootfs.mtree")


class Verification:
    """A look at the bundle at `path`. Raises RequestError where there is none that could be checked.

    `recorded` is its bundler.json. `unread` counts, once `changes` has ended, the files and directories that
    this user may not look into: of these only the attributes were compared.
    """

    def __init__(self, path: Path, *, opened_up: bool = False) -> None:
        """With `opened_up`, the bundle is this user's own: what its modes keep him from reading is read anyway."""
        self._path = path
        self._opened_up = opened_up
        self.unread = 0
        content = read_document(self._path, "bundler.json")
        self.recorded = Recorded(content, printable(str(path)))

    def changed_documents(self) -> Iterator[Change]:
        """Those that are not the ones of the build, and hooks. Raises RequestError."""
        return self.recorded.changes(self._digest, self._hooks())

    def _hooks(self) -> list[str]:
        """What lies in hooks/, by path; hooks itself if that is no directory."""
        folder = self._path / "hooks"
        if folder.is_symlink() or folder.is_file():
            return ["hooks"]
        return [f"hooks/{file.name}" for file in folder.iterdir()] if folder.is_dir() else []

    def _digest(self, path: str) -> str | None:
        """That of a file, as bundler.json has it; empty for what is no file, None for what is not there."""
        if path not in _REQUIRED and not os.path.lexists(self._path / path):
            return None
        try:
            with open_document(self._path, path) as stream:
                return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        except RequestError:
            if path in _REQUIRED:
                raise
            return ""

    def changes(self, *, processes: int | None = None) -> Iterator[Change]:
        """What differs, documents first, then by path. Raises RequestError, BundlerError.

        With `processes` 1, this one starts no other; None is one for each processor.
        """
        for change in self.changed_documents():
            yield change
            if change.path == "rootfs.mtree":  # what somebody has changed says nothing about the rootfs
                return
        try:
            with open_document(self._path, "rootfs.mtree") as manifest:
                self.unread, found = compare_rootfs(
                    manifest.fileno(), self._path, opened_up=self._opened_up, processes=processes
                )
        except OSError as error:
            raise explain(error, printable(str(self._path / "rootfs"))) from error
        yield from found
