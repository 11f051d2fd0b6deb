"""Whether a project still is what was built: project.json says which bundles it has, and what each bundler.json is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.comparison import Change
from bundler.bundles.pieces import Pieces, look
from bundler.bundles.proof import DIRECTORY, owned_by_others
from bundler.bundles.stage_folder import finish_replacement
from bundler.bundles.verification import Verification
from bundler.errors import RequestError
from bundler.project.record import NAME, VOLUMES, ProjectBundle, ProjectRecord
from bundler.rootfs.directories import explain

_DOCUMENT: Final = "bundler.json"


class ProjectVerification:
    """A look at the project in a folder. Raises RequestError for one that cannot be checked.

    Once `changes` has ended, `files` counts what was compared, and `unread` what this user may not look into.
    """

    def __init__(self, folder: Path) -> None:
        finish_replacement(folder)
        self._folder = folder
        self.record = ProjectRecord.open(folder)
        self.files = 1
        self.unread = 0

    def changes(self) -> Iterator[Change]:
        """What differs: the project's own files, then those of each bundle. Raises BundlerError."""
        volumes = {f"{VOLUMES}/{name}" for name in self.record.volumes}
        try:
            pieces = look(self._folder, volumes)
        except OSError as error:
            raise explain(error, str(self._folder)) from error
        yield from self._own(pieces, volumes)
        for bundle in self.record.bundles:
            if bundle.name in pieces and pieces[bundle.name].is_folder:
                yield from self._of_bundle(bundle)

    def _own(self, pieces: Pieces, volumes: set[str]) -> Iterator[Change]:
        bundles = {bundle.name for bundle in self.record.bundles}
        folders = {*bundles, *volumes, *([VOLUMES] if volumes else [])}
        expected = {"", NAME, VOLUMES, *folders}
        tops = {path for path in pieces if "/" not in path}
        for path in sorted({*tops, *folders}):
            if path not in pieces:
                yield Change(path, "missing")
            elif path not in expected:
                yield Change(path, "extra")
            elif (path in folders and not pieces[path].is_folder) or (path == NAME and not pieces[path].is_single_file):
                yield Change(path, "changed")
        yield from owned_by_others(pieces, ("", NAME, *bundles, VOLUMES))

    def _of_bundle(self, bundle: ProjectBundle) -> Iterator[Change]:
        try:
            verification = Verification(Bundle(self._folder / bundle.name))
            if verification.recorded.digest != bundle.digest:
                digests: dict[str, tuple[str | None, str | None]] = {
                    "digest": (bundle.digest, verification.recorded.digest)
                }
                yield Change(f"{bundle.name}/{_DOCUMENT}", "changed", digests)
            for change in verification.changes():
                yield replace(change, path=_path_in(bundle, change.path))
        except RequestError:
            # What a document is that makes no sense, `bundler verify` of the bundle says.
            yield Change(f"{bundle.name}/{_DOCUMENT}", "changed")
            return
        self.files += verification.files
        self.unread += verification.unread


def _path_in(bundle: ProjectBundle, path: str) -> str:
    """A path of a bundle, or of its root filesystem, by that in the project."""
    if path == DIRECTORY:
        return bundle.name
    inside = f"rootfs{path.removeprefix('.')}" if path == "." or path.startswith("./") else path
    return f"{bundle.name}/{inside}"
