"""A packed bundle becomes a directory again, by the rules that hold for layers: nothing of it is trusted.

No name leaves the directory, no link is followed out of it, and what a whiteout would be in a layer is a file here.
Then rootfs/ is held against rootfs.mtree and the documents against bundler.json, and only then does it appear.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bundler.archives.compression import decompress
from bundler.archives.entry import HARD_LINK, Entry
from bundler.archives.stream import ByteStream, Content, DamagedError
from bundler.archives.tar import TarReader
from bundler.archives.tar_writer import END
from bundler.bundles.stage import check_destination, open_stage
from bundler.bundles.verification import Verification
from bundler.errors import BundlerError, DifferenceError, ImageError, LayerError, RequestError, printable
from bundler.limits import DEFAULTS, Limits
from bundler.progress import SILENT, Meter, Progress
from bundler.rootfs.changeset import Changeset
from bundler.rootfs.failures import explain
from bundler.rootfs.owners import kept, written_down
from bundler.rootfs.paths import PathError, clean
from bundler.rootfs.tree import Tree
from bundler.rootfs.usage import CountedStream, Stored, Usage

# What others may do with a bundle: setuid files of a foreign image must not be reachable for them.
_MOST_OPEN: Final = 0o710
_OPEN: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_MAGIC: Final = {b"hsqs": "squashfs"}


def unpack(
    file: Path,
    output: Path,
    *,
    as_is: bool = False,
    replace: bool = False,
    limits: Limits = DEFAULTS,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> None:
    """Make the bundle `output` out of what `pack` has written, whole or not at all.

    Raises DifferenceError for one that is not what was built, unless `as_is`; ImageError for a file that is damaged,
    LayerError for what may not be in it or is beyond `limits`, RequestError, BundlerError.
    """
    check_destination(output, replace=replace)
    with _opened(file) as (descriptor, size), open_stage(output.parent) as stage:
        with progress.measure(file.name, size) as meter:
            _fill(stage.bundle, printable(str(file)), _Source(descriptor, meter), limits)
        if not (stage.bundle / "config.json").is_file() or not (stage.bundle / "rootfs").is_dir():
            raise ImageError(f"{printable(str(file))} holds no bundle")
        if not as_is:
            _verify(stage.bundle, printable(str(file)))
        before_publishing()
        stage.publish(output, replace=replace)


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
    """The archive's bytes, which have no digest; they have to end as `pack` lets them, or something is missing."""

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


class _Restored(Changeset):
    """What a packed bundle holds, on its way into a tree."""

    def apply(self, entry: Entry, content: Iterable[Content]) -> None:
        try:
            path = clean(entry.name)
            if not path:
                entry.mode &= _MOST_OPEN
            self._check(path, entry)
            self._put(path, entry, content)
        except PathError as error:
            raise LayerError(f"{self._where(entry)}: {error}") from error
        except OSError as error:
            raise explain(error, self._where(entry)) from error

    def _check(self, path: bytes, entry: Entry) -> None:
        if entry.kind == HARD_LINK:
            names = (path, clean(entry.link_name))
            # Of one file with two names the container may write to the one in its rootfs: not if the other is what
            # it is started by.
            if len({_top(self._tree.locate(name, create=True).path) for name in names}) > 1:
                raise PathError("it is a hard link to another part of the bundle")
        if os.geteuid() and (entry.uid or entry.gid):
            raise BundlerError(f"{self._where(entry)}: it belongs to another user", hint="unpack the bundle as root")


def _top(path: bytes) -> bytes:
    return path.partition(b"/")[0]


def _fill(bundle: Path, label: str, source: _Source, limits: Limits) -> None:
    usage = Usage(limits, ())
    owners = kept() if os.geteuid() == 0 else written_down().as_they_are()
    try:
        stream = CountedStream(_Ending(decompress(source)[1]), usage, label, source.stored)
        with Tree(bundle, owners) as tree:
            restored = _Restored(tree, label, lowest=True)
            reader = TarReader(stream, limits=limits)
            for entry in reader:
                usage.admit(label, entry)
                restored.apply(entry, reader.content())
            stream.finish()
    except DamagedError as error:
        raise ImageError(f"{label}: {error}", hint=error.hint) from None
    except OSError as error:
        raise explain(error, label) from error


def _verify(bundle: Path, label: str) -> None:
    try:
        verification = Verification(bundle)
        change = next(verification.changes(), None)
    except RequestError as error:
        hint = "it was packed --as-is, or is no bundle; --as-is unpacks it"
        raise DifferenceError(f"{label}: {error.what.replace(str(bundle), 'the bundle in it')}", hint=hint) from None
    if change is None:
        return
    if os.geteuid() and "uid" in change.keywords:
        raise BundlerError(f"{label}: its files belong to root", hint="unpack it as root")
    raise DifferenceError(
        f"{label}: the bundle in it is not what was built: {printable(change.path)} differs",
        hint="if it was packed --as-is, unpack it --as-is",
    )


@contextmanager
def _opened(file: Path) -> Iterator[tuple[int, int | None]]:
    """A descriptor of the file, and its size if that is known. Raises RequestError."""
    name = printable(str(file))
    try:
        descriptor = os.open(file, _OPEN)
    except OSError as error:
        raise RequestError(f"{name}: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RequestError(f"{name} is not a file", hint="`bundler pack` writes one")
        kind = _MAGIC.get(os.pread(descriptor, 4, 0))
        if kind is not None:
            raise RequestError(f"{name} is a {kind} image", hint="mount it; its bundle is to be run from there")
        yield descriptor, status.st_size
    finally:
        os.close(descriptor)
