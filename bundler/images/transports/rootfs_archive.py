"""A root filesystem as an image of one layer, without a config: what `docker export` writes, or a folder of files.

The image config is made up, and says no more than image-spec demands: the platform, and the diff_id of the one layer.
So the image id follows from the files, and from the platform that was asked for, or else is this machine's. All else
that a container needs has to be said in overrides.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from bundler.archives.compression import NONE, decompress
from bundler.archives.stream import ByteStream, DamagedError
from bundler.archives.tar import TarReader
from bundler.errors import ImageError
from bundler.images.digest import Digest
from bundler.images.file_slice import FileSlice
from bundler.images.image import Image, in_place
from bundler.images.image_config import parse_image_config
from bundler.images.index import PlatformChoice
from bundler.images.layer import Blob, LocalLayer
from bundler.images.media_types import DOCKER_LAYER
from bundler.images.platform import Platform
from bundler.images.transports.archive_files import check_size
from bundler.limits import Limits

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _OneFile:
    """The place where there is nothing but the layer."""

    descriptor: int

    @contextmanager
    def open(self, _name: str) -> Iterator[FileSlice]:
        yield FileSlice(self.descriptor, 0, os.fstat(self.descriptor).st_size)


class _Hashed:
    """A stream that is hashed, and held against the limits, while it is read."""

    def __init__(self, stream: ByteStream, source: FileSlice, label: str, limits: Limits) -> None:
        self._stream = stream
        self._stored = source.size
        self._label = label
        self._limits = limits
        self._size = 0
        self.sha256 = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        content = bytes(self._stream.read(size))
        self._size += len(content)
        check_size(self._label, self._size, self._stored, self._limits)
        self.sha256.update(content)
        return content


def rootfs_image(
    descriptor: int, label: str, wanted: PlatformChoice, limits: Limits, *, transport: str, file_name: str
) -> Image:
    """The image whose one layer is the tar archive in the open file, which may be compressed. Raises ImageError.

    The file is read once for it, and has to stay open as long as the image is used.
    """
    source = FileSlice(descriptor, 0, os.fstat(descriptor).st_size)
    if not source.size:
        raise ImageError(f"{label} is empty", hint="what was to write it may have failed")
    try:
        compression, content = decompress(source)
        hashed = _Hashed(content, source, label, limits)
        for _ in TarReader(hashed, limits=limits):
            pass
        while hashed.read(_CHUNK):
            pass
    except DamagedError as error:
        raise ImageError(f"{label}: {error}", hint=error.hint) from error
    diff_id = Digest("sha256", hashed.sha256.hexdigest())
    suffix = "" if compression is NONE else f".{compression.name}"
    blob = Blob(DOCKER_LAYER + suffix, source.size, None)
    layers = (LocalLayer(blob, diff_id, place=_OneFile(descriptor), file="layer.tar"),)
    image_config = parse_image_config(_config(diff_id, wanted.platform), f"{label}: image config")
    return Image(
        transport=transport,
        name="",
        file_name=file_name,
        image_config=replace(image_config, platform_assumed=not wanted.requested),
        layers=layers,
        local=in_place(layers),
    )


def _config(diff_id: Digest, platform: Platform) -> bytes:
    stated: dict[str, Any] = {
        "architecture": platform.architecture,
        "config": {},
        "os": platform.os,
        "rootfs": {"diff_ids": [str(diff_id)], "type": "layers"},
    }
    if platform.variant is not None:
        stated["variant"] = platform.variant
    return json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()
