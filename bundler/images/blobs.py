"""Blobs by name: documents read whole and checked at once, layers left for whoever reads them."""

from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.layer import Blob, LocalLayer
from bundler.images.transports.files import Files, load_document


def read_document(files: Files, name: str, descriptor: Descriptor) -> bytes:
    """The manifest, index or config that `descriptor` names, from the file `name`. Raises ImageError if it is not."""
    raw = load_document(files, name)
    check_document(raw, descriptor)
    return raw


def check_document(raw: bytes, descriptor: Descriptor) -> None:
    """Raise ImageError unless `raw` has the size and digest that `descriptor` states."""
    if len(raw) != descriptor.size:
        raise ImageError(f"{descriptor.digest}: {len(raw)} bytes, but {descriptor.size} are stated")
    found = Digest.of(raw, descriptor.digest.algorithm)
    if found != descriptor.digest:
        raise ImageError(f"{descriptor.digest}: its digest is {found}, not the one stated")


def local_layer(files: Files, name: str, descriptor: Descriptor, diff_id: Digest) -> LocalLayer:
    """The layer that `descriptor` names, in the file `name`. Raises ImageError when that is missing or of another size.

    A layer that some registry had and nobody copied (foreign, nondistributable) is missing here like any other.
    """
    if not files.has(name):
        raise ImageError(f"{files.label}: layer {descriptor.digest} is missing")
    size = files.size(name)
    if size != descriptor.size:
        raise ImageError(f"layer {descriptor.digest}: {size} bytes, but {descriptor.size} are stated")
    return LocalLayer(Blob(descriptor.media_type, descriptor.size, descriptor.digest), diff_id, files, name)
