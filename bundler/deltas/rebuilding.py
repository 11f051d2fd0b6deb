"""The archive that a delta makes of its base; for a large base, a worker makes it ahead.

The worker reads the base and makes the archive; this process unpacks or compresses that. Both spend most of their time
in Python.

The base is read once. Its bundler.json and the digest of its heads prove everything before a copy is made, except the
content of files. A file that was copied as a whole is in the result as it is in the base, so the digest of the result
proves it; all others are hashed at the end. If anything is wrong, the whole base is verified, to tell a changed base
from a damaged delta.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bundler.archives.stream import NOT_WHOLE, Content, DamagedError
from bundler.bundles.rootfs_image import IMAGE
from bundler.deltas.base import Base, open_base
from bundler.deltas.gzipped import Compress
from bundler.deltas.reading import DeltaFile, Rebuilt, StoredDelta
from bundler.deltas.sources import Source, open_source
from bundler.errors import ImageError, RequestError
from bundler.images.layer import CheckedStream
from bundler.limits import Limits
from bundler.progress import Meter
from bundler.workers.batches import LARGEST_CONTENT, Receiver, Sender
from bundler.workers.process import processors, read_apart

_REBUILDER: Final = "the process that applies the delta"
_SMALLEST_APART: Final = 16 << 20  # bytes of the base: another process takes a tenth of a second to start
_OF_FILE: Final = 64  # bytes of a file for each one that the manifest says of it: a low guess

_Task = tuple[tuple[int, ...], str, str, str, dict[str, int]]
"""The descriptors of the delta, what messages call it, the base, the workspace, and the limits by name."""


@contextmanager
def open_archive(
    delta: DeltaFile, base: Path, workspace: Path, limits: Limits, meter: Meter, *, gzip: Compress | None = None
) -> Iterator[CheckedStream]:
    """The archive that `delta` makes of the bundle at `base`, which is verified once the archive has been read whole.

    `meter` counts the bytes of the base; temporary files are in `workspace`; `gzip` is for a delta that needs it. The
    context and the stream raise what reading the base raises, DifferenceError if it was changed, RequestError if the
    delta has another base, ImageError if the delta is damaged.
    """
    # A worker starts no programs.
    if gzip is not None or processors() == 1 or _size(base) < _SMALLEST_APART:
        with _rebuilt(delta, base, workspace, limits, meter, gzip=gzip) as archive:
            yield archive
        return
    descriptors = delta.stored.descriptors
    task: _Task = descriptors, delta.label, os.fspath(base), os.fspath(workspace), asdict(limits)
    with read_apart(_REBUILDER, _send, (task,), descriptors) as blocks:
        yield _Received(blocks, meter)


def _size(base: Path) -> int:
    """Roughly how many bytes a base has, without reading it."""
    if base.is_file():
        return base.stat().st_size
    images, manifests = (
        sum(path.stat().st_size for place in (name, f"*/{name}") for path in base.glob(place) if path.is_file())
        for name in (IMAGE, "rootfs.mtree")
    )
    return images + manifests * _OF_FILE


@contextmanager
def _rebuilt(
    delta: DeltaFile, base: Path, workspace: Path, limits: Limits, meter: Meter, *, gzip: Compress | None = None
) -> Iterator["_Explained"]:
    with ExitStack() as held:
        # Then it is closed: what is found to be damaged later is no packed base.
        with open_source(base, limits, workspace) as source:
            opened = held.enter_context(open_base(source, workspace, meter, outlined=True))
        if (source.digest, opened.digest) != (delta.document.base, delta.document.heads):
            if source.folder is not None:
                source.verify()
            # Both had the same document that proves it, and this one is what was built.
            raise RequestError(
                f"{source.label} has other files than the base of {delta.label}", hint="it was packed --as-is"
            )
        yield _Explained(Rebuilt(delta, opened, gzip), opened, source, delta.label)


def _send(sender: Sender, task: _Task) -> None:
    """Send how many bytes of the base were read, piece by piece, and then the archive in blocks of shared memory."""
    descriptors, label, base, workspace, limits = task
    delta = DeltaFile(StoredDelta(descriptors), label)

    def meter(read: int) -> None:
        sender.send((0, 0, read))

    with _rebuilt(delta, Path(base), Path(workspace), Limits(**limits), meter) as archive:
        content = memoryview(archive.read(LARGEST_CONTENT))
        while content:
            at, room = sender.room(LARGEST_CONTENT)
            used = 0
            while content and used < len(room):
                part, content = content[: len(room) - used], content[len(room) - used :]
                room[used : used + len(part)] = part
                used += len(part)
                content = content or memoryview(archive.read(LARGEST_CONTENT))
            sender.send((at, used, 0))


class _Explained:
    """The archive; damage in it is told as a change of the base or, if that is as it was built, as the delta's."""

    def __init__(self, archive: Rebuilt, base: Base, source: Source, label: str) -> None:
        self._archive = archive
        self._base = base
        self._source = source
        self._label = label
        self._proven = False

    def read(self, size: int, /) -> Content:
        try:
            content = self._archive.read(size)
        except DamagedError as error:
            if self._source.folder is not None:
                self._source.verify()
            raise ImageError(f"{self._label}: {error}", hint=error.hint or NOT_WHOLE) from None
        if not content and not self._proven:
            self._source.check_contents(set(self._base.unproven()))
            self._proven = True
        return content

    def finish(self) -> None:
        if self.read(1):
            raise ImageError(f"{self._label}: something follows the archive that it makes")


class _Received:
    """The archive that the worker sends in `blocks`."""

    def __init__(self, blocks: Receiver, meter: Meter) -> None:
        self._blocks = blocks
        self._items = iter(blocks)
        self._rest = memoryview(b"")
        for at, size, read in self._items:
            meter(read)
            if size:
                self._rest = blocks.content(at, size)
                return

    def read(self, size: int, /) -> Content:
        if not self._rest:
            at, stored, _ = next(self._items, (0, 0, 0))
            self._rest = self._blocks.content(at, stored)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def finish(self) -> None:
        while self.read(LARGEST_CONTENT):
            pass
