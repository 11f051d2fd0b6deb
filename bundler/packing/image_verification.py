"""rootfs.erofs against rootfs.mtree, entry by entry: no kernel reads what may have been changed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bundler.archives.entry import HARD_LINK, Entry
from bundler.archives.filesystems.erofs import Erofs
from bundler.archives.filesystems.file_system import FileSystemReader
from bundler.archives.stream import Content
from bundler.bundles.bundle import Bundle
from bundler.bundles.image_reading import open_image
from bundler.bundles.verification.comparison import Change
from bundler.errors import RequestError
from bundler.packing.verification import PackedTree
from bundler.rootfs.inventory import MOST_HOLES
from bundler.rootfs.mtree import HEADER, MtreeError, group, read_lines
from bundler.rootfs.paths import clean

_TOP: Final = "rootfs"  # where the files would lie in a bundle with a directory


def image_changes(bundle: Bundle) -> Iterator[Change]:
    """What in the image is not as the manifest says. Raises RequestError, ImageError for one that is damaged."""
    try:
        with open_image(bundle) as descriptor:
            lines = bundle.manifest()
            lines.seek(len(HEADER))
            image = Erofs(descriptor, lambda _count: None)
            tree = PackedTree(_TOP, MOST_HOLES)  # the manifest has no digest of what has more, when build writes it
            yield from tree.changes(group(read_lines(lines)), _placed(FileSystemReader(image)))
    except MtreeError as error:
        raise RequestError(f"{bundle.label}: rootfs.mtree: {error}") from None


def _placed(reader: FileSystemReader) -> Iterator[tuple[bytes, Entry, Iterator[Content]]]:
    for entry in reader:
        placed = (
            replace(entry, link_name=b"%b/%b" % (_TOP.encode(), entry.link_name)) if entry.kind == HARD_LINK else entry
        )
        yield clean(entry.name), placed, reader.content()
