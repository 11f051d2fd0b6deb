"""Layers out of listings, and where they are unpacked."""

import gzip
import io
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from bundler.images.digest import Digest
from bundler.images.image import Blob, Layer
from bundler.rootfs.unpack import unpack
from tests.support.tarballs import Member, tarball

TYPE = "application/vnd.oci.image.layer.v1.tar"
Compress = Callable[[bytes], bytes]


def plain(content: bytes) -> bytes:
    return content


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def layer(*members: Member | bytes, compress: Compress = plain) -> Layer:
    """A layer of `members`, lowest first in a list of layers."""
    return stored_layer(tarball(*members), compress=compress)


def stored_layer(content: bytes, *, compress: Compress = plain) -> Layer:
    stored = compress(content)
    blob = Blob(TYPE, len(stored), Digest.of(stored), lambda: nullcontext(io.BytesIO(stored)))
    return Layer(blob, Digest.of(content))


def unpacked(root: Path, *layers: Layer, unpacker: str = "native") -> Path:
    """`root`, made and filled."""
    root.mkdir()
    unpack(layers, root, unpacker=unpacker)
    return root
