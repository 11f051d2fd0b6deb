"""Layers out of listings, and where they are unpacked."""

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bundler.images.digest import Digest
from bundler.images.layer import Blob, FileSlice, LocalLayer
from bundler.limits import DEFAULTS, Limits
from bundler.rootfs.unpacking.unpack import unpack
from tests.support.compressors import Compress
from tests.support.tarballs import Member, tarball

TYPE = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class InMemory:
    """A place for one file, which is there while it is open."""

    content: bytes
    label: str = "memory"
    limits: Limits = DEFAULTS

    def has(self, _name: str) -> bool:
        return True

    def size(self, _name: str) -> int:
        return len(self.content)

    @contextmanager
    def open(self, _name: str) -> Iterator[FileSlice]:
        descriptor = os.memfd_create("layer")
        try:
            with open(descriptor, "wb", closefd=False) as stream:
                stream.write(self.content)
            yield FileSlice(descriptor, 0, len(self.content))
        finally:
            os.close(descriptor)


def plain(content: bytes) -> bytes:
    return content


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)


def layer(*members: Member | bytes, compress: Compress = plain) -> LocalLayer:
    """A layer of `members`, lowest first in a list of layers."""
    return stored_layer(tarball(*members), compress=compress)


def stored_layer(content: bytes, *, compress: Compress = plain) -> LocalLayer:
    stored = compress(content)
    return LocalLayer(Blob(TYPE, len(stored), Digest.of(stored)), Digest.of(content), InMemory(stored), "layer")


def unpacked(root: Path, *layers: LocalLayer, unpacker: str = "native") -> Path:
    """`root`, made and filled."""
    root.mkdir()
    unpack(layers, root, unpacker=unpacker)
    return root
