"""What an entry of index.json leads to: all that has to stay with it, and to go along with it."""

from collections.abc import Callable, Iterator

from bundler.images.descriptor import Descriptor
from bundler.images.documents import Member, parse_document
from bundler.images.media_types import KINDS, Kind
from bundler.images.transports.files import Files
from bundler.images.transports.layout import read_blob

LEAF = "application/octet-stream"
_DOCUMENTS = (Kind.INDEX, Kind.MANIFEST)
Has = Callable[[Descriptor], bool]


def reached(files: Files, entry: Descriptor, has: Has) -> Iterator[Descriptor]:
    """Every blob that the entry leads to, itself as well, each once, as far as a layout `has` it.

    Raises ImageError for a document that is damaged.
    """
    seen, ahead = set(), [entry]
    while ahead:
        descriptor = ahead.pop()
        if descriptor.digest in seen or not has(descriptor):
            continue
        seen.add(descriptor.digest)
        yield descriptor
        if KINDS.get(descriptor.media_type) in _DOCUMENTS:
            raw = read_blob(files, descriptor)
            ahead += _children(parse_document(raw, f"document {descriptor.digest}"))


def _children(document: Member) -> Iterator[Descriptor]:
    """Everything a manifest or index names, of whatever kind: what is no image for us may be one for others."""
    for name in ("config", "subject"):
        part = document.find(name)
        if part is not None:
            yield _named_by(part)
    for name in ("manifests", "layers", "blobs"):
        listed = document.find(name)
        yield from () if listed is None else (_named_by(part) for part in listed.items())


def _named_by(part: Member) -> Descriptor:
    media_type = part.find("mediaType")
    return Descriptor(
        LEAF if media_type is None else media_type.text(), part.get("digest").digest(), part.get("size").number()
    )
