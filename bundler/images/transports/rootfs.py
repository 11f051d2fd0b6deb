"""A root filesystem as an image of one layer, without a config: what `docker export` writes, or a folder of files.

The image config is made up, and says no more than image-spec demands: the platform, and the diff_id of the one layer.
So the image id follows from the files, and from the platform that was asked for, or else is this machine's. All else
that a container needs has to be said in overrides.

A folder becomes a tar archive, the same bytes for the same files: names in order, no clock, nothing of the machine.
Files are as the caller may see them: owners, modes, times and extended attributes as lstat says. What is mounted inside
is left out but for its folder, and so are sockets, which no archive can hold.
"""

# ruff: noqa: PTH115, PTH116 -- a Path cannot hold bytes

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from typing import IO, Any, Final

from bundler.archives.compression import decompress
from bundler.archives.entry import DIRECTORY, HARD_LINK, OF_THE_MACHINE, REGULAR, SYMLINK, TAR_TYPES, Entry
from bundler.archives.stream import ByteStream, DamagedError
from bundler.archives.tar import TarReader
from bundler.archives.tar_writer import END, UnwritableError, encode_entry, padding
from bundler.disk_space import full_disk
from bundler.errors import ImageError, printable
from bundler.images.digest import Digest
from bundler.images.image import Image, in_place
from bundler.images.image_config import parse_image_config
from bundler.images.layer import Blob, FileSlice, LocalLayer
from bundler.images.manifest import PlatformChoice
from bundler.images.media_types import DOCKER_LAYER, layer_type
from bundler.images.platform import Platform
from bundler.images.transports.archive_files import check_size
from bundler.input_files import descend
from bundler.light_dataclasses import dataclass
from bundler.limits import LONGEST_PATH, Limits

_CHUNK: Final = 1 << 20
_WHITEOUT: Final = b".wh."


@dataclass(slots=True)
class _Writer:
    folder: int
    label: str
    output: IO[bytes]
    limits: Limits
    path: bytes = b""  # what is being written
    size: int = 0
    device: int = 0
    first: dict[tuple[int, int], bytes] = field(default_factory=dict)  # the first name of what has several
    _above: bytes = b""  # the folder that is open as `_opened`
    _opened: int = -1

    def write(self, content: bytes) -> None:
        self.size += len(content)
        check_size(self.label, self.size, self.size, self.limits)
        self.output.write(content)

    def write_all(self) -> None:
        self.device = os.fstat(self.folder).st_dev
        for name in self._walk():
            self._write_one(name)
        self.write(END)

    def _walk(self) -> Iterator[bytes]:
        """All paths, a folder before what it holds; `.` is the folder itself."""
        pending = [b"."]
        while pending:
            self.path = path = pending.pop()
            yield path
            status = self._status(path)
            if stat.S_ISDIR(status.st_mode) and status.st_dev == self.device:
                names = sorted(self._names(path), reverse=True)
                pending += [name if path == b"." else path + b"/" + name for name in names]

    def _write_one(self, path: bytes) -> None:
        if path.rpartition(b"/")[2].startswith(_WHITEOUT):
            raise ImageError(f"{self.label}: {printable(path)}: a layer cannot hold that name, which hides others")
        status = self._status(path)
        kind = TAR_TYPES.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return
        entry = Entry(
            path + b"/" if kind == DIRECTORY else path,
            kind,
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            status.st_size if kind == REGULAR else 0,
            0,
            0,
            status.st_mtime_ns,
            0,
            os.readlink(self._at(path)) if kind == SYMLINK else b"",
            (os.major(status.st_rdev), os.minor(status.st_rdev)),
        )
        if kind != DIRECTORY and status.st_nlink > 1:
            first = self.first.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                entry.kind, entry.size, entry.link_name = HARD_LINK, 0, first
        if entry.kind != HARD_LINK:
            entry.xattrs = self._xattrs(path)
        try:
            self.write(encode_entry(entry))
        except UnwritableError as error:
            raise ImageError(f"{self.label}: {printable(path)}: {error}, which no layer can hold") from None
        if entry.kind == REGULAR:
            self._write_content(path, entry.size)

    def _write_content(self, path: bytes, size: int) -> None:
        descriptor = os.open(self._at(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise self._changed(path)
            left = size
            while left and (content := os.read(descriptor, min(left, _CHUNK))):
                left -= len(content)
                self.write(content)
            if left or os.read(descriptor, 1):
                raise self._changed(path)
        finally:
            os.close(descriptor)
        self.write(padding(size))

    def _status(self, path: bytes) -> os.stat_result:
        return os.stat(self._at(path), follow_symlinks=path == b".")

    def _xattrs(self, path: bytes) -> dict[bytes, bytes]:
        at = self._at(path)
        try:
            names = sorted(set(map(os.fsencode, os.listxattr(at, follow_symlinks=False))) - OF_THE_MACHINE)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise
            names = []
        return {name: os.getxattr(at, name, follow_symlinks=False) for name in names}

    def _names(self, path: bytes) -> list[bytes]:
        folder = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return list(map(os.fsencode, os.listdir(folder)))  # noqa: PTH208 -- a descriptor
        finally:
            os.close(folder)

    def _at(self, path: bytes) -> bytes:
        """Where the kernel finds it. A container may still run in the folder, and put a symlink in a folder's place: so
        the one above is opened component by component, and stays open.
        """
        above, _, name = path.rpartition(b"/")
        if not above:
            return b"/proc/self/fd/%d/%b" % (self.folder, name)
        if above != self._above:
            self.close()
            self._opened, self._above = self._open(above, os.O_PATH | os.O_DIRECTORY), above
        return b"/proc/self/fd/%d/%b" % (self._opened, name)

    def _open(self, path: bytes, flags: int) -> int:
        if len(path) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path[:80])
        return descend(self.folder, os.fsdecode(path).split("/"), flags | os.O_CLOEXEC)

    def _changed(self, path: bytes) -> ImageError:
        return ImageError(f"{self.label}: {printable(path)} changed while it was read")

    def close(self) -> None:
        if self._above:
            os.close(self._opened)
            self._above = b""


def write_folder(folder: int, label: str, output: IO[bytes], limits: Limits) -> None:
    """Write the files of the open folder to `output`. Raises ImageError, which calls the folder `label`."""
    writer = _Writer(folder, label, output, limits)
    try:
        writer.write_all()
        output.flush()
    except OSError as error:
        hint = "run as root to read all files" if isinstance(error, PermissionError) else None
        where = f"{label}: {printable(writer.path)}" if error.filename else label
        raise full_disk(error, where) or ImageError(f"{where}: {error.strerror or error}", hint=hint) from error
    finally:
        writer.close()


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
    blob = Blob(layer_type(DOCKER_LAYER, compression), source.size, None)
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
