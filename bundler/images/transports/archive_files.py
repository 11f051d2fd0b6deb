"""The files of an image inside a tar archive, found by one scan of its headers and then read where they are.

An uncompressed archive that can be read by position is never copied, whatever its size. Anything else (compressed, or
a pipe) is written out, decompressed, once, to a file that has no name, so that no failure can leave it behind.
"""

import os
import posixpath
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bundler.archives.compression import NONE, compression_of, decompress
from bundler.archives.entry import DIRECTORY, GLOBAL, HARD_LINK, REGULAR, SYMLINK, Entry
from bundler.archives.stream import NOT_WHOLE, DamagedError
from bundler.archives.tar import TarReader
from bundler.errors import ImageError, RequestError, printable
from bundler.images.layer import FileSlice
from bundler.images.transports.files import components
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, MOST_LINKS, RATIO_COUNTS_FROM, Limits, raise_hint
from bundler.progress import SILENT, Progress
from bundler.sizes import readable_size

# Far beyond `docker save` of a whole machine: four members for each layer, at most 127 layers for each image.
_MAX_MEMBERS: Final = 200_000
# Their names are kept: twice the longest that any writer of images uses, for each of them.
_MAX_NAMES: Final = 64 << 20
_CHUNK: Final = 1 << 20
_EMPTY: Final = 64  # bytes: no format takes more to say that there is nothing
_STANDARD_INPUT: Final = "standard input"
_PIPED: Final = "docker save IMAGE | bundler build - is how an archive is given there"


@dataclass(frozen=True, slots=True)
class _Member:
    """Where a member's content is. `link` is the resolved name that a symbolic or hard link leads to.

    `plain` says that the content is the file: not a link or device, and not stored with its holes left out.
    """

    plain: bool
    offset: int
    size: int
    link: str | None
    repeated: bool


class Archive:
    """The members of one archive by name. Links are followed inside the archive only, and never in a circle."""

    def __init__(self, label: str, descriptor: int, members: dict[str, _Member], limits: Limits) -> None:
        self.label = label
        self.limits = limits
        self._descriptor = descriptor
        self._members = members

    def has(self, name: str) -> bool:
        return _normal(name) in self._members

    def size(self, name: str) -> int:
        return self._find(name).size

    @contextmanager
    def open(self, name: str) -> Iterator[FileSlice]:
        member = self._find(name)
        yield FileSlice(self._descriptor, member.offset, member.size)

    def _find(self, name: str) -> _Member:
        at = _normal(name)
        passed: set[str] = set()
        while at is not None:
            member = self._members.get(at)
            if member is None:
                raise self._fault(name, "is missing" if not passed else f"leads to {printable(at)}, which is missing")
            if member.repeated:
                # tar and docker load keep the last one, skopeo reads the first: the archive is two images in one.
                raise self._fault(name, "is in the archive more than once")
            if member.plain:
                return member
            if at in passed or member.link is None or len(passed) == MOST_LINKS:
                raise self._fault(name, "is not an ordinary file")
            passed.add(at)
            at = member.link
        raise self._fault(name, "is no name of a file inside the image")

    def _fault(self, name: str, what: str) -> ImageError:
        return ImageError(f"{self.label}: {printable(name)} {what}")


@contextmanager
def open_archive(
    path: Path | None, workspace: Path, progress: Progress = SILENT, limits: Limits = DEFAULTS
) -> Iterator[Archive]:
    """The archive at `path`, or on standard input if that is None; plain, or gzip, zstd, xz or bzip2 around it.

    A file that takes the place of what cannot be read by position is made in `workspace`. Raises ImageError.
    """
    label = _STANDARD_INPUT if path is None else printable(str(path))
    with _opened(path, label) as source:
        in_place = _is_plain(source)
        with _kept(source) if in_place else _spooled(source, label, workspace, progress, limits) as descriptor:
            size = os.fstat(descriptor).st_size
            if not size:
                raise ImageError(f"{label} is empty", hint="what was to write it may have failed")
            try:
                members = _scan(FileSlice(descriptor, 0, size), label, limits)
            except DamagedError as error:
                raise _damaged(label, error) from error
            yield Archive(label, descriptor, members, limits)


@contextmanager
def open_stored(
    path: Path | None, workspace: Path, progress: Progress = SILENT, limits: Limits = DEFAULTS
) -> Iterator[tuple[int, str]]:
    """The file at `path`, or standard input, as a descriptor that can be read by position, and what messages call it.

    What is compressed stays so, unless it comes through a pipe. Raises ImageError.
    """
    label = _STANDARD_INPUT if path is None else printable(str(path))
    with _opened(path, label) as source:
        is_file = stat.S_ISREG(os.fstat(source).st_mode) and os.lseek(source, 0, os.SEEK_CUR) == 0
        with _kept(source) if is_file else _spooled(source, label, workspace, progress, limits) as descriptor:
            yield descriptor, label


class _Pipe:
    """An open file, pipe or socket, read from where it stands."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        content = os.read(self._descriptor, size)
        self.taken += len(content)
        return content


@contextmanager
def _opened(path: Path | None, label: str) -> Iterator[int]:
    if path is None and sys.stdin is None:  # Python's way to say that descriptor 0 was closed before it started
        raise RequestError("standard input is closed", hint=_PIPED)
    if path is None:
        descriptor = os.dup(sys.stdin.fileno())
    else:
        try:
            # O_NONBLOCK: a fifo opens at once and is then refused, instead of waiting for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise ImageError(f"{label}: {os.strerror(error.errno or 0).lower()}") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if path is None and os.isatty(descriptor):
            raise RequestError("standard input is a terminal, not an archive", hint=_PIPED)
        if path is not None and not stat.S_ISREG(mode):
            raise ImageError(f"{label}: not a file", hint="an archive in a pipe is given on standard input, as: -")
        yield descriptor
    finally:
        os.close(descriptor)


def _is_plain(descriptor: int) -> bool:
    """Whether the archive begins at the start of an ordinary, uncompressed file."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or os.lseek(descriptor, 0, os.SEEK_CUR) != 0:
        return False
    return compression_of(FileSlice(descriptor, 0, os.fstat(descriptor).st_size)) is NONE


@contextmanager
def _kept(descriptor: int) -> Iterator[int]:
    yield descriptor


@contextmanager
def _spooled(source: int, label: str, workspace: Path, progress: Progress, limits: Limits) -> Iterator[int]:
    # Buffered, because an unbuffered write to a disk that is almost full writes a part and calls that success.
    with tempfile.TemporaryFile(dir=workspace) as spool:
        pipe = _Pipe(source)
        size = 0
        try:
            with progress.measure(f"reading {label}", None) as meter:
                _, content = decompress(pipe)
                while part := content.read(_CHUNK):
                    size += len(part)
                    check_size(label, size, pipe.taken, limits)
                    spool.write(part)
                    meter(len(part))
                spool.flush()
        except DamagedError as error:
            raise _damaged(label, error) from error
        if pipe.taken > _EMPTY and not size:  # what the zstd library makes of a first frame that is not whole
            raise _damaged(label, DamagedError("nothing is in the compressed data, or it ends too early"))
        yield spool.fileno()


def _damaged(label: str, error: DamagedError) -> ImageError:
    is_piped = label == _STANDARD_INPUT
    hint = "what was to write it has failed, or was ended before it was done" if is_piped else NOT_WHOLE
    return ImageError(f"{label}: {error}", hint=error.hint or hint)


def check_size(label: str, size: int, taken: int, limits: Limits) -> None:
    """Raise ImageError for an archive that grew to `size` bytes out of `taken`, if that is what only a bomb does."""
    if size > limits.unpacked_size:
        raise ImageError(
            f"{label}: it decompresses to more than {readable_size(limits.unpacked_size)}",
            hint=raise_hint("unpacked_size"),
        )
    if size > RATIO_COUNTS_FROM and size > limits.compression_ratio * taken:
        raise ImageError(
            f"{label}: {readable_size(taken)}, compressed, became more than {limits.compression_ratio} times as much",
            hint=raise_hint("compression_ratio"),
        )


def _scan(source: FileSlice, label: str, limits: Limits) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    names = 0
    for entry in TarReader(source, source.skip, limits):
        name = _normal(entry.name.decode("utf-8", "surrogateescape"))
        if name is None or entry.kind in (DIRECTORY, GLOBAL):
            continue
        if entry.offset + entry.stored_size > source.size:
            raise DamagedError("the tar archive ends inside a file")
        members[name] = _Member(
            plain=entry.kind == REGULAR and entry.sparse is None,
            offset=entry.offset,
            size=entry.size,
            link=_link(name, entry),
            repeated=name in members,
        )
        names += len(entry.name) + len(entry.link_name)
        if names > _MAX_NAMES:
            raise ImageError(
                f"{label}: the names of its files take more than {readable_size(_MAX_NAMES)}, which no image's do"
            )
        if len(members) > _MAX_MEMBERS:
            raise ImageError(f"{label}: more than {_MAX_MEMBERS} files, which no image has")
    return members


def _link(name: str, entry: Entry) -> str | None:
    """What a link leads to, by name: a symbolic one from its own folder, a hard one from the top of the archive."""
    target = entry.link_name.decode("utf-8", "surrogateescape")
    if entry.kind == SYMLINK and not target.startswith("/"):
        joined = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        return None if joined.startswith("..") else _normal(joined)
    return _normal(target) if entry.kind == HARD_LINK else None


def _normal(name: str) -> str | None:
    parts = components(name)
    return None if parts is None else "/".join(parts)
