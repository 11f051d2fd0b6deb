"""Exporting: images of the store become one file, an OCI layout in a tar archive, which skopeo and podman read, too.

The same images give the same bytes, in whichever order they were fetched: lists are sorted, and nothing depends on the
store. Blobs that the other side has may be left out. They are named in a document (left_out.py), and then only bundler
can read the file.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bundler.archives.compressors import GZIP, PLAIN, ZSTD, Compressing
from bundler.archives.entry import REGULAR, Entry
from bundler.archives.stream import Content
from bundler.archives.tar_writer import END, encode_entry, padding
from bundler.bundles.replacement.rules import check_file
from bundler.bundles.replacement.stage import open_stage
from bundler.carrying import left_out
from bundler.carrying.left_out import LeftOut
from bundler.carrying.selection import Selection, select
from bundler.disk_space import full_disk
from bundler.errors import BundlerError, ImageError, RequestError, printable
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.layer import Blob, LocalLayer
from bundler.images.layer_stream import open_blob
from bundler.images.media_types import OCI_INDEX
from bundler.images.reference import RegistryReference
from bundler.images.transports.layout import INDEX, MARKER, MARKER_CONTENT, blob_name
from bundler.light_dataclasses import dataclass
from bundler.packing.tar_file import compressed
from bundler.progress import SILENT, Meter, Progress
from bundler.store.layout import Store, damaged

_CHUNK: Final = 1 << 20
_FORMATS: Final = (PLAIN, ZSTD, GZIP)
_MODE: Final = 0o644
Known = Mapping[Digest, str]
"""The blobs that the other side has, and the name of the image that it has each for."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written: its size in bytes, its images by name and digest, and the blobs that it leaves out."""

    path: Path
    size: int
    images: tuple[tuple[str, str], ...]
    left_out: tuple[LeftOut, ...]

    @property
    def sha256(self) -> str:
        """The sha256 of the file, in hexadecimal. The file is read for it."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def check_place(output: Path, *, replace: bool) -> Compressing:
    """The compression that the name of `output` asks for. Raises RequestError where no such file can be written."""
    for compressing in _FORMATS:
        if output.name.endswith(compressing.format.endings):
            check_file(output, replace=replace)
            return compressing
    known = ", ".join(compressing.format.endings[0] for compressing in _FORMATS)
    raise RequestError(f"{printable(str(output))}: the name does not say the format", hint=f"let it end in {known}")


def export_images(
    store: Store,
    references: Sequence[RegistryReference],
    output: Path,
    *,
    known: Known,
    replace: bool = False,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> Exported:
    """Write the images and their attachments into the file `output`, without the blobs `known` to the other side.

    Raises RequestError, ImageError for what is not in the store or damaged there, BundlerError.
    """
    compressing, label = check_place(output, replace=replace), printable(str(output))
    selection = select(store, references)
    absent = tuple(
        LeftOut(one.digest, one.size, known[one.digest]) for one, _ in selection.blobs if one.digest in known
    )
    carried = [(one, entry) for one, entry in selection.blobs if one.digest not in known]
    with open_stage(output.parent) as stage:
        made = stage.workspace / output.name
        try:
            with (
                progress.measure(f"writing {output.name}", sum(one.size for one, _ in carried)) as meter,
                compressed(compressing, made, compressing.usual) as write,
            ):
                for name, content in _documents(selection, absent):
                    _write(write, name, [content], len(content))
                for one, entry in carried:
                    _write(write, blob_name(one.digest), _checked(store, entry, one, meter), one.size)
                write(END)
            size = made.stat().st_size
        except OSError as error:
            raise full_disk(error, label) or BundlerError(f"{label}: {error.strerror or error}") from None
        stage.publish_file(made, output, replace=replace, before=before_publishing)
    return Exported(output, size, selection.images, absent)


def _documents(selection: Selection, absent: Sequence[LeftOut]) -> Iterator[tuple[str, bytes]]:
    yield MARKER, MARKER_CONTENT
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": selection.entries}
    yield INDEX, json.dumps(index, separators=(",", ":")).encode()
    if absent:
        yield left_out.NAME, left_out.encode(absent)


def _write(write: Callable[[Content], None], name: str, content: Iterator[Content] | list[bytes], size: int) -> None:
    write(encode_entry(Entry(name.encode(), REGULAR, _MODE, 0, 0, size, size, 0, 0, 0, b"")))
    for part in content:
        write(part)
    write(padding(size))


def _checked(store: Store, entry: Descriptor, blob: Descriptor, meter: Meter) -> Iterator[Content]:
    """The bytes of a blob of the store. Raises ImageError, naming the image, where they do not have its digest."""
    stored = LocalLayer(Blob(blob.media_type, blob.size, blob.digest), blob.digest, store.files, blob_name(blob.digest))
    try:
        with open_blob(stored, meter) as source:
            while part := source.read(_CHUNK):
                yield part
            source.finish()
    except ImageError as error:
        raise damaged(store, entry, error.what) from None
