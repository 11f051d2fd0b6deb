"""A packed bundle, open to be read: the entries of it, whatever its format, as often as they are asked for."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import field
from io import BufferedRandom
from itertools import islice
from pathlib import Path
from typing import Final

from bundler.archives.compression import decompress
from bundler.archives.entry import GLOBAL, REGULAR, Entry
from bundler.archives.filesystems.erofs import Erofs
from bundler.archives.filesystems.erofs_format import MAGIC as EROFS
from bundler.archives.filesystems.erofs_format import OFFSET
from bundler.archives.filesystems.file_system import Count, FileSystem, FileSystemReader
from bundler.archives.filesystems.squashfs import MAGIC as SQUASHFS
from bundler.archives.filesystems.squashfs import Squashfs
from bundler.archives.stream import NOT_WHOLE, ByteStream, Content, DamagedError
from bundler.archives.tar import TarReader
from bundler.archives.tar_writer import END
from bundler.bundles.bundle import bundle_around, no_bundle
from bundler.bundles.record import NAME as RECORD
from bundler.bundles.verification.proof import MANIFESTS
from bundler.errors import ImageError, RequestError, printable
from bundler.images.layer import CheckedStream
from bundler.images.layer_stream import CountedStream, Stored
from bundler.input_files import reason
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.packing.squashfs_gaps import complete
from bundler.path_kinds import DELTA, kind_at, place_hint
from bundler.progress import Meter
from bundler.project.record import NAME
from bundler.rootfs.directories import explain
from bundler.rootfs.mtree import read_lines
from bundler.rootfs.paths import PathError
from bundler.rootfs.usage import Usage
from bundler.trust.keys import Signed, Verify

Entries = Iterator[tuple[Entry, Iterator[Content]]]
"""Each entry, with what is stored for it. That has to be taken before the next one."""

NO_BUNDLE: Final = (
    "bundler pack writes one; an image is looked at by bundler inspect and made a bundle by bundler build"
)
HOLDS_PROJECT: Final = "bundler unpack makes the project of it, in which each bundle is a folder"
_BUNDLE: Final = RECORD.encode()
_OPEN: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _FileSystemFormat:
    """A format of a file system image: its magic bytes and their offset, its reader, and whether it can hold all
    attributes of a file that a manifest has.
    """

    magic: bytes
    offset: int
    open: Callable[[int, Count], FileSystem] = field(repr=False)
    holds_all: bool


_FILE_SYSTEMS: Final = (
    _FileSystemFormat(SQUASHFS, 0, Squashfs, holds_all=False),
    _FileSystemFormat(EROFS, OFFSET, Erofs, holds_all=True),
)


class PackedFile:
    """The packed file at `descriptor`. `label` is its name in messages; `limits` bound what is read from it.

    `signed` says whose signature was verified, if one was.
    """

    def __init__(self, descriptor: int, label: str, limits: Limits, signed: Signed | None = None) -> None:
        self.label = label
        self.signed = signed
        self._descriptor = descriptor
        self._limits = limits
        self._format = next((row for row in _FILE_SYSTEMS if self._begins(row)), None)
        # What `entries` tells a meter of in the end; of a file system that is not known in advance.
        self.total = os.fstat(descriptor).st_size if self._format is None else None

    def entries(self, meter: Meter = lambda _count: None) -> Entries:
        """From the first one on; `meter` is told of the bytes that were read.

        Raises LayerError for what is beyond the limits, and DamagedError, which `open_packed` makes an ImageError.
        """
        stored = self._stored(meter)
        if self._format is None or self._format.holds_all:
            yield from stored
            return
        with ExitStack() as stack:
            documents = {top: stack.enter_context(self.document(name.encode())) for top, name in MANIFESTS.items()}
            yield from complete(stored, {top.encode(): read_lines(lines) for top, lines in documents.items()})

    @contextmanager
    def document(self, name: bytes) -> Iterator[BufferedRandom]:
        """A copy of a file at the top of the bundle, to be read several times; empty if there is no such file."""
        with tempfile.TemporaryFile() as copy:
            for entry, content in self._stored():
                if entry.kind == REGULAR and entry.sparse is None and entry.name.removeprefix(b"./") == name:
                    for part in content:
                        copy.write(part)
                    break
            copy.seek(0)
            yield copy

    def first_document(self) -> bytes | None:
        """The name of the document at its beginning, which tells what is packed; None if there is none. Raises what
        `entries` raises.
        """
        if self._format is not None:
            return _BUNDLE
        for entry, _ in islice(self._stored(), 2):
            if entry.kind == REGULAR:
                return entry.name.removeprefix(b"./")
        return None

    @property
    def holds_project(self) -> bool:
        """Whether a project is packed in the file. Raises what `entries` raises."""
        return self.first_document() == NAME.encode()

    def no_bundle(self) -> ImageError:
        """The error for a caller that needs a bundle, where none is packed in the file."""
        if self.holds_project:
            return ImageError(f"{self.label} holds a project, and no bundle", hint=HOLDS_PROJECT)
        return ImageError(f"{self.label} holds no bundle", hint=NO_BUNDLE)

    def _begins(self, row: _FileSystemFormat) -> bool:
        return os.pread(self._descriptor, len(row.magic), row.offset) == row.magic

    def _stored(self, meter: Meter = lambda _count: None) -> Entries:
        """The entries as they stand in the file."""
        usage = Usage(self._limits, ())
        if self._format is not None:
            size = os.fstat(self._descriptor).st_size

            def count(read: int) -> None:
                usage.count(self.label, read)
                usage.weigh(self.label, usage.unpacked, size)
                meter(read)

            yield from _admitted(FileSystemReader(self._format.open(self._descriptor, count)), usage, self.label)
            return
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        source = _Source(self._descriptor, meter)
        stream = CountedStream(_Ending(decompress(source)[1]), source.stored, usage.of_layer(self.label))
        yield from _admitted(TarReader(stream, limits=self._limits), usage, self.label)
        stream.finish()


class PackedStream:
    """A packed bundle that comes as an archive, to be read once. `label` names it in messages."""

    total: Final = None

    def __init__(self, archive: CheckedStream, label: str, limits: Limits) -> None:
        self.label = label
        self._archive = archive
        self._limits = limits

    def entries(self, meter: Meter = lambda _count: None) -> Entries:
        """As those of a PackedFile; `meter` is told of the bytes of the archive. Raises DamagedError, LayerError."""
        usage = Usage(self._limits, ())

        def count(_stored: int, size: int) -> None:
            usage.count(self.label, size)
            meter(size)

        stream = CountedStream(self._archive, Stored(), count)
        yield from _admitted(TarReader(stream, limits=self._limits), usage, self.label)
        stream.finish()


def _admitted(reader: TarReader | FileSystemReader, usage: Usage, label: str) -> Entries:
    for entry in reader:
        if entry.kind == GLOBAL:
            raise DamagedError("it has a global PAX header, and `pack` writes none")
        usage.admit(label, entry)
        yield entry, reader.content()


@contextmanager
def open_packed(
    file: Path, limits: Limits, *, label: str | None = None, verify: Verify | None = None
) -> Iterator[PackedFile]:
    """Open a packed file. Damage that is found while the context lasts becomes an ImageError.

    `label` is the file's name in messages (default: its path). With `verify`, the file's signature is verified before
    anything else is read. Raises RequestError, and what `verify` raises.
    """
    label = label or printable(str(file))
    if label == "-":
        raise no_bundle(file)
    try:
        descriptor = os.open(file, _OPEN)
    except OSError as error:
        raise RequestError(f"{label} {reason(error)}", hint=place_hint(file)) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if verify is not None and stat.S_ISDIR(mode):
            raise no_signed_directory()
        if not stat.S_ISREG(mode):
            kind = kind_at(file)
            what, hint = ("is not a file", None) if kind is None else (f"{kind.what}, not a file", kind.hint(file))
            raise RequestError(f"{label} {what}", hint=hint or "bundler pack writes one")
        signed = None if verify is None else verify(descriptor, file)
        yield PackedFile(descriptor, label, limits, signed)
    except (DamagedError, PathError) as error:
        kind = kind_at(file)
        if kind is DELTA:
            raise ImageError(f"{label} {kind.what}, not a packed bundle", hint=kind.hint(file)) from None
        if kind is not None and kind.is_text:
            if bundle_around(file) is not None:
                raise no_bundle(file) from None
            raise ImageError(f"{label} {kind.what}, and bundler packed no such file", hint=kind.hint(file)) from None
        hint = getattr(error, "hint", None) or NOT_WHOLE
        raise ImageError(f"{label}: {error}", hint=hint) from None
    except OSError as error:
        raise explain(error, label) from error
    finally:
        os.close(descriptor)


def no_signed_directory() -> RequestError:
    """The failure to raise for a directory that is to be signed by a key."""
    hint = "bundler pack --sign signs the file that it writes"
    return RequestError("--key is about a packed file, and this is a directory", hint=hint)


class _Source:
    """The file's bytes, and a meter of them."""

    def __init__(self, descriptor: int, meter: Meter) -> None:
        self._descriptor = descriptor
        self._meter = meter
        self.stored = Stored()

    def read(self, size: int, /) -> bytes:
        content = os.read(self._descriptor, size)
        self._meter(len(content))
        self.stored(len(content))
        return content


class _Ending:
    """The archive's bytes. They have no digest, so they must end as `pack` ends an archive, or something is missing."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._last = b""

    def read(self, size: int, /) -> bytes:
        content = self._stream.read(size)
        self._last = content[-len(END) :] if len(content) >= len(END) else (self._last + content)[-len(END) :]
        return content

    def finish(self) -> None:
        # A reader of tar is content without the zeros at the end, and one of zstd does not tell that it was cut off.
        if self._last != END:
            raise DamagedError("the archive ends too early")
