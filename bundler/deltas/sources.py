"""A side of a delta: a bundle in a directory or a packed one, by the entries that its archive has."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bundler.archives.entry import Entry
from bundler.archives.stream import Content
from bundler.bundles.bundle import LARGEST, Bundle
from bundler.bundles.data_folders import VOLUMES, data_places
from bundler.bundles.record import BundleRecord
from bundler.errors import DifferenceError, RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.packing.bundle_entries import BundleEntries
from bundler.packing.packed import PackedFile, open_packed
from bundler.packing.verification import PackedVerification

_UPPER: Final = "upper"


@dataclass(frozen=True, slots=True)
class Source:
    """A bundle; `folder` is None for a packed one. `record` is its bundler.json."""

    label: str
    record: BundleRecord
    _from: Bundle | PackedFile

    @property
    def folder(self) -> Path | None:
        return self._from.path if isinstance(self._from, Bundle) else None

    @property
    def written_to(self) -> tuple[str, ...]:
        """The folders that containers write to."""
        return tuple(sorted({VOLUMES, _UPPER, *data_places(self.record.document)}))

    @property
    def image(self) -> str:
        """The id of the image that it was made from; empty where none is recorded."""
        image = self.record.document.get("image")
        known = image.get("id") if isinstance(image, dict) else None
        return known if isinstance(known, str) else ""

    def entries(self) -> Iterable[tuple[Entry, Iterable[Content]]]:
        """Those that `pack` writes. Raises DifferenceError where it is not what was built, and what reading raises."""
        if isinstance(self._from, Bundle):
            return BundleEntries(self._from, f"`bundler verify {self.label}` lists all that differs")
        return self._packed(self._from)

    def _packed(self, packed: PackedFile) -> Iterator[tuple[Entry, Iterable[Content]]]:
        for change in PackedVerification(packed).changes():
            raise DifferenceError(
                f"{self.label} is not what was built: {change.path} differs",
                hint=f"`bundler verify {self.label}` lists all that differs",
            )
        yield from packed.entries()


@contextmanager
def open_source(path: Path, limits: Limits) -> Iterator[Source]:
    """The bundle at `path`. Raises RequestError, ImageError."""
    if (path / "project.json").is_file():
        raise RequestError(
            f"{printable(str(path))} is a project, and a delta is between bundles",
            hint="one for each service: bundler delta OLD/SERVICE NEWER/SERVICE -o FILE",
        )
    if path.is_dir():
        bundle = Bundle.open(path)
        yield Source(bundle.label, bundle.record, bundle)
        return
    with open_packed(path, limits) as packed:
        if packed.total is None:
            raise RequestError(
                f"{packed.label} is an image of a file system, and a delta is between archives",
                hint="bundler unpack makes a bundle of it",
            )
        yield Source(packed.label, packed_record(packed), packed)


def packed_record(packed: PackedFile) -> BundleRecord:
    """The bundler.json of a packed bundle. Raises ImageError, RequestError, and what reading the file raises."""
    with packed.document(b"bundler.json") as document:
        content = document.read(LARGEST + 1)
    if not content or len(content) > LARGEST:
        raise packed.no_bundle()
    return BundleRecord(content, f"{packed.label}/bundler.json").complete(packed.label)
