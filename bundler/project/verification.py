"""Whether a project still is what was built: project.json says which bundles it has, and what each bundler.json is."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from bundler.bundles.bundle import Bundle
from bundler.bundles.pieces import Pieces, look
from bundler.bundles.record import NAME as RECORD
from bundler.bundles.record import BundleRecord
from bundler.bundles.replacement.stage_folder import finish_replacement
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.comparison import Change
from bundler.bundles.verification.hashed_files import HashedFiles
from bundler.bundles.verification.proof import DIRECTORY, owned_by_others
from bundler.errors import RequestError
from bundler.origins import Json
from bundler.project.record import NAME, VOLUMES, ProjectBundle, ProjectRecord
from bundler.rootfs.directories import explain

Judge = Callable[[ProjectBundle, Mapping[str, Json]], Iterable[Change]]
"""What else differs in a bundle with this bundler.json."""


def no_judge(_bundle: ProjectBundle, _recorded: Mapping[str, Json]) -> Iterable[Change]:
    """Where nothing else is asked for."""
    return ()


class ProjectVerification:
    """A look at the project in a folder, and with `judge` at each bundle's record. Raises RequestError for one that
    cannot be checked.

    Once `changes` has ended, `files` counts what was compared, and `unread` what this user may not look into.
    """

    def __init__(self, folder: Path, judge: Judge = no_judge) -> None:
        finish_replacement(folder)
        self._judge = judge
        self._folder = folder
        self.record = ProjectRecord.open(folder)
        self.files = 1
        self.unread = 0
        self._known = HashedFiles()

    def changes(self) -> Iterator[Change]:
        """What differs: the project's own files, then those of each bundle. Raises BundlerError."""
        pieces = self._look()
        yield from changed_pieces(self.record, pieces)
        for bundle in self.record.bundles:
            if bundle.name in pieces and pieces[bundle.name].is_folder:
                yield from self._of_bundle(bundle)

    def changes_beside_bundles(self) -> Iterator[Change]:
        """What differs of the project's own files, and which bundles are other ones. Raises BundlerError."""
        pieces = self._look()
        yield from changed_pieces(self.record, pieces)
        for bundle in self.record.bundles:
            if bundle.name in pieces and pieces[bundle.name].is_folder:
                yield from changed_record(bundle, Bundle(self._folder / bundle.name).record.digest)

    def _look(self) -> Pieces:
        try:
            return look(self._folder, volume_paths(self.record))
        except OSError as error:
            raise explain(error, str(self._folder)) from error

    def _of_bundle(self, bundle: ProjectBundle) -> Iterator[Change]:
        opened = Bundle(self._folder / bundle.name)
        verification = yield from changes_in(bundle, lambda: Verification(opened, known=self._known), self._judge)
        if verification is not None:
            self.files += verification.files
            self.unread += verification.unread


class BundleVerification(Protocol):
    """A look at a bundle on disk, or at a packed one."""

    recorded: BundleRecord

    def changes(self) -> Iterator[Change]: ...


V = TypeVar("V", bound=BundleVerification)


def changes_in(bundle: ProjectBundle, look_at: Callable[[], V], judge: Judge) -> Generator[Change, None, V | None]:
    """What differs in a bundle of the project, by its paths there; at its end gives the verification, None where the
    documents make no sense: then nothing else is told.
    """
    try:
        verification = look_at()
        yield from changed_record(bundle, verification.recorded.digest)
        yield from judge(bundle, verification.recorded.document)
        for change in verification.changes():
            yield replace(change, path=_path_in(bundle, change.path))
    except RequestError:
        yield Change(f"{bundle.name}/{RECORD}", "changed")  # what they are, `bundler verify` of the bundle tells
        return None
    return verification


def volume_paths(record: ProjectRecord) -> set[str]:
    """The paths of the volumes in the project."""
    return {f"{VOLUMES}/{name}" for name in record.volumes}


def changed_pieces(record: ProjectRecord, pieces: Pieces) -> Iterator[Change]:
    """Which of the `pieces` of a project, the bundles among them, are not what the record says. What is below the
    volumes is data.
    """
    volumes = volume_paths(record)
    bundles = {bundle.name for bundle in record.bundles}
    folders = {*bundles, *volumes, *([VOLUMES] if volumes or VOLUMES in pieces else [])}
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


def changed_record(bundle: ProjectBundle, digest: str) -> Iterator[Change]:
    """Whether the bundle is another one, by the `digest` of its bundler.json."""
    if digest != bundle.digest:
        yield Change(f"{bundle.name}/{RECORD}", "changed", {"digest": (bundle.digest, digest)})


def _path_in(bundle: ProjectBundle, path: str) -> str:
    """A path of a bundle, or of its root filesystem, by that in the project."""
    if path == DIRECTORY:
        return bundle.name
    inside = f"rootfs{path.removeprefix('.')}" if path == "." or path.startswith("./") else path
    return f"{bundle.name}/{inside}"
