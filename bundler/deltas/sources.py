"""One side of a delta, old or new: a bundle or a project, in a directory or packed, read as entries of an archive."""

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Final, Protocol

from bundler.archives.entry import REGULAR, StoredEntry
from bundler.bundles.bundle import LARGEST, Bundle
from bundler.bundles.data_folders import VOLUMES, data_places
from bundler.bundles.record import NAME as RECORD
from bundler.bundles.record import BundleRecord
from bundler.bundles.verification.comparison import Change
from bundler.errors import DifferenceError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.packing.bundle_entries import BundleEntries
from bundler.packing.packed import PackedFile, open_packed
from bundler.packing.project_entries import ProjectEntries, open_bundles
from bundler.packing.project_verification import PackedProjectVerification
from bundler.packing.unpacked import unpack_into
from bundler.packing.verification import PackedVerification
from bundler.project.record import ProjectRecord, is_project
from bundler.rootfs.paths import clean

_UPPER: Final = "upper"
_RECORD: Final = RECORD.encode()


class _Files(Protocol):
    """The entries of a source, and ways to verify them."""

    def __iter__(self) -> Iterator[StoredEntry]: ...
    def outline(self) -> Iterator[StoredEntry]: ...
    def check_contents(self, paths: Collection[bytes]) -> None: ...


class _PackedFiles:
    """The entries of a packed file, which is verified before the first one is given."""

    def __init__(self, packed: PackedFile, changes: Callable[[], Iterator[Change]]) -> None:
        self._packed = packed
        self._changes = changes

    def __iter__(self) -> Iterator[StoredEntry]:
        label = self._packed.label
        for change in self._changes():
            raise DifferenceError(f"{label} is not what was built: {printable(change.path)} differs", hint=_hint(label))
        yield from self._packed.entries()

    outline = __iter__

    def check_contents(self, paths: Collection[bytes]) -> None:
        """Nothing is left to verify."""


@dataclass(frozen=True, slots=True)
class Source:
    """A bundle, or a project if `is_project`; `folder` is None for a packed one.

    `digest` is that of its bundler.json or project.json, `image` the id of the image that a bundle was made from, empty
    where none is recorded. `written_to` are the folders that hold what containers have written: what is there is no
    part of what was built.
    """

    label: str
    digest: str
    image: str
    folder: Path | None
    written_to: tuple[str, ...]
    is_project: bool
    _files: _Files = field(repr=False)

    @property
    def what(self) -> str:
        return "project" if self.is_project else "bundle"

    def entries(self) -> Iterable[StoredEntry]:
        """Those that `pack` writes. Raises DifferenceError where it is not what was built, and what reading raises."""
        return self._files

    def outline(self) -> Iterable[StoredEntry]:
        """The same entries; those of a directory have no content, and are not verified.

        What these say is for the caller to compare with what was built; for their content there is `check_contents`.
        """
        return self._files.outline()

    def check_contents(self, paths: Collection[bytes]) -> None:
        """Raise DifferenceError unless the files at `paths`, if in a directory, have the content that was built."""
        self._files.check_contents(paths)

    def verify(self) -> None:
        """Raise DifferenceError unless all is what was built, and what reading raises."""
        for _, content in self._files:
            for _ in content:
                pass


@contextmanager
def open_source(path: Path, limits: Limits, workspace: Path) -> Iterator[Source]:
    """The bundle or the project at `path`. An image of a file system is unpacked in `workspace`, where it stays.

    Raises RequestError, ImageError, DifferenceError.
    """
    if path.is_dir():
        yield _of_project(path) if is_project(path) else _of_bundle(Bundle.open(path), printable(str(path)))
        return
    with open_packed(path, limits) as packed:
        if packed.total is None:
            folder = Path(tempfile.mkdtemp(dir=workspace))
            unpack_into(folder, path, limits=limits)
            yield _of_bundle(Bundle.open(folder), packed.label)
        else:
            yield _of_packed_project(packed) if packed.holds_project else _of_packed(packed)


def _of_bundle(bundle: Bundle, label: str) -> Source:
    record = bundle.record
    files = BundleEntries(bundle, _hint(label))
    return Source(
        label, record.digest, _image(record), bundle.path, _written_to(record), is_project=False, _files=files
    )


def _of_project(folder: Path) -> Source:
    label = printable(str(folder))
    written_to = _written_to_in((name, bundle.record) for name, bundle in open_bundles(folder).items())
    digest, files = ProjectRecord.open(folder).digest, ProjectEntries(folder, _hint(label))
    return Source(label, digest, "", folder, written_to, is_project=True, _files=files)


def _of_packed(packed: PackedFile) -> Source:
    record = packed_record(packed)
    written_to, files = _written_to(record), _PackedFiles(packed, lambda: PackedVerification(packed).changes())
    return Source(packed.label, record.digest, _image(record), None, written_to, is_project=False, _files=files)


def _of_packed_project(packed: PackedFile) -> Source:
    record = PackedProjectVerification(packed).record
    files = _PackedFiles(packed, lambda: PackedProjectVerification(packed).changes())
    written_to = _written_to_in(_records_in(packed))
    return Source(packed.label, record.digest, "", None, written_to, is_project=True, _files=files)


def packed_record(packed: PackedFile) -> BundleRecord:
    """The bundler.json of a packed bundle. Raises ImageError, RequestError, and what reading the file raises."""
    with packed.document(_RECORD) as document:
        content = document.read(LARGEST + 1)
    if not content or len(content) > LARGEST:
        raise packed.no_bundle()
    return BundleRecord(content, f"{packed.label}/bundler.json").complete(packed.label)


def _hint(label: str) -> str:
    return f"`bundler verify {label}` lists all that differs"


def _image(record: BundleRecord) -> str:
    image = record.document.get("image")
    known = image.get("id") if isinstance(image, dict) else None
    return known if isinstance(known, str) else ""


def _written_to(record: BundleRecord) -> tuple[str, ...]:
    return tuple(sorted({VOLUMES, _UPPER, *data_places(record.document)}))


def _written_to_in(bundles: Iterable[tuple[str, BundleRecord]]) -> tuple[str, ...]:
    """Those of a project, by the names of its bundles."""
    below = (f"{name}/{folder}" for name, record in bundles for folder in _written_to(record))
    return tuple(sorted({VOLUMES, *below}))


def _records_in(packed: PackedFile) -> Iterator[tuple[str, BundleRecord]]:
    """Each bundler.json of a packed project, with the name of its bundle. Nothing of it is verified yet, so that there
    may be any number, and one is in memory.
    """
    for entry, content in packed.entries():
        name, _, rest = clean(entry.name).partition(b"/")
        if rest == _RECORD and entry.kind == REGULAR and entry.stored_size <= LARGEST:
            label = f"{packed.label}/{printable(name)}"
            record = BundleRecord(b"".join(map(bytes, content)), f"{label}/{RECORD}")
            yield os.fsdecode(name), record.complete(label)
