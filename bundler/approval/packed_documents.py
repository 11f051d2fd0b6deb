"""The documents of a packed bundle, which is all of it that a review needs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bundler.bundles.bundle import LARGEST, MANIFEST, Bundle
from bundler.bundles.record import BundleRecord
from bundler.errors import ImageError
from bundler.limits import DEFAULTS
from bundler.packing.packed import PackedFile, open_packed
from bundler.runtime_spec import validity
from bundler.sizes import readable_size


@contextmanager
def packed_documents(file: Path) -> Iterator[Bundle]:
    """A bundle of nothing but documents, in a folder that goes with the context. Raises what `open_packed` raises.

    What is wrong with a document is told here, where the name of the file is known.
    """
    with TemporaryDirectory() as folder, open_packed(file, DEFAULTS) as packed:
        record = _read(packed, "bundler.json")
        BundleRecord(record, f"{packed.label}/bundler.json").complete(packed.label)
        config = _read(packed, "config.json")
        validity.parse(config, f"{packed.label}/config.json")
        place = Path(folder)
        (place / "bundler.json").write_bytes(record)
        (place / "config.json").write_bytes(config)
        with packed.document(MANIFEST.encode()) as manifest, (place / MANIFEST).open("xb") as copy:
            shutil.copyfileobj(manifest, copy)
        yield Bundle(place)


def _read(packed: PackedFile, name: str) -> bytes:
    with packed.document(name.encode()) as document:
        content = document.read(LARGEST + 1)
    if not content and packed.holds_project:
        raise packed.no_bundle()
    if not content:
        raise ImageError(f"{packed.label} holds no bundle: it has no {name}", hint="`bundler pack` writes such a file")
    if len(content) > LARGEST:
        raise ImageError(f"{packed.label}: {name} has more than {readable_size(LARGEST)}")
    return content
