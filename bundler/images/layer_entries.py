"""The entries of a layer and what is stored for them, read in other processes where that is faster.

Reading a layer costs about as much as making its files when there are many of them, so the work is cut in three:

    the filler    stored bytes -> digest -> decompress -> diff_id -> shared memory      layer_stream.py
    the reader    shared memory -> tar entries -> sha256 of files                       layer_reader.py
    this one      limits -> changeset -> tree, with the content out of the shared memory

Two workers do this for all large layers, one after another, and may be in the next one already. To start them takes
some 80 ms, so small layers are read in this process.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import islice
from typing import Final, Protocol

from bundler.archives.entry import Entry, FileBatch
from bundler.archives.stream import Content, KnownDigest
from bundler.archives.tar import TarReader
from bundler.images.layer import LocalLayer, facts_of
from bundler.images.layer_reader import COUNTED, DONE, ENDED, FILES, FILLER, READ, WHOLE, read_layers
from bundler.images.layer_stream import Count, CountedStream, Stored, fill, label_of, open_layer
from bundler.limits import Limits
from bundler.workers.batches import Item, Receiver
from bundler.workers.messages import LostPeerError
from bundler.workers.process import filled_apart, processors, read_apart
from bundler.workers.shared_stream import SharedStream

# Layers whose stored bytes are fewer are read by this process.
SMALLEST_APART: Final = 4 << 20
# As many layers get a pair of workers, so that not all files are open at once.
_MOST_OPEN: Final = 64
_READER: Final = "the process that finds files in the layers"


class LayerEntries(Protocol):
    """Iterates over the entries, once; the layer is good when that ends. `content` is of the current one.

    All raise ImageError, naming the layer, for what is wrong with it, and whatever the Count raises.
    """

    def __iter__(self) -> Iterator[Entry | FileBatch]: ...

    def content(self) -> Iterable[Content]:
        """What is stored for the current entry, in pieces that are good until the next one."""
        ...

    def content_at(self, offset: int, size: int) -> Iterable[Content]:
        """The content of one of the current files."""
        ...


class LayerReaders:
    """Reads some layers, each once and in order."""

    def __init__(self, layers: Iterable[LocalLayer], limits: Limits, *, hashed: bool, held: ExitStack) -> None:
        self._limits = limits
        self._hashed = hashed
        self._held = held
        large = (layer for layer in layers if layer.blob.size >= SMALLEST_APART)
        self._apart = iter(tuple(large) if processors() > 1 else ())
        self._left = self._begin = 0
        self._workers = ExitStack()
        self._next = self._start()

    @contextmanager
    def entries(self, layer: LocalLayer, count: Count) -> Iterator[LayerEntries]:
        """The next layer's entries. `count` is told how far it is read, and may raise."""
        if self._next is None or layer.blob.size < SMALLEST_APART:
            stored = Stored()
            with open_layer(layer, stored) as stream:
                yield _Read(CountedStream(stream, stored, count), self._limits)
            return
        received = _Received(*self._next, self._begin, count)
        yield received
        self._begin = received.finish()
        self._left -= 1
        if not self._left:
            self._workers.close()
            self._next = self._start()

    def _start(self) -> "tuple[Iterator[Item], SharedStream] | None":
        """Two workers for the next layers, so that they have begun when these are asked for; None if there are none."""
        layers = tuple(islice(self._apart, _MOST_OPEN))
        if not layers:
            return None
        self._left, self._begin = len(layers), 0
        self._workers = self._held.enter_context(ExitStack())
        with ExitStack() as files:
            facts = tuple(facts_of(layer, files.enter_context(layer.open())) for layer in layers)
            opened = {descriptor for descriptor, *_ in facts}
            shared, ends = self._workers.enter_context(filled_apart(FILLER, fill, (facts,), opened))
        labels = tuple(map(label_of, layers))
        arguments = (ends, labels, asdict(self._limits), self._hashed)
        receiver = self._workers.enter_context(read_apart(_READER, read_layers, arguments, ends))
        return _items(receiver, shared), shared


@contextmanager
def open_layers(layers: Iterable[LocalLayer], limits: Limits, *, hashed: bool = False) -> Iterator[LayerReaders]:
    """`hashed` says that the sha256 of files will be asked for: then entries may have it already, or be FileBatch."""
    with ExitStack() as held:
        yield LayerReaders(layers, limits, hashed=hashed, held=held)


def _items(receiver: Receiver, shared: SharedStream) -> Iterator[Item]:
    try:
        yield from receiver
    except LostPeerError:
        raise shared.filler.how_it_ended() from None


class _Read:
    """Entries that this process reads."""

    def __init__(self, stream: CountedStream, limits: Limits) -> None:
        self._stream = stream
        self._reader = TarReader(stream, limits=limits)
        self.content = self._reader.content

    def __iter__(self) -> Iterator[Entry]:
        yield from self._reader
        self._stream.finish()

    def content_at(self, offset: int, size: int) -> Iterable[Content]:
        raise NotImplementedError  # there are no FileBatch here


class _Received:
    """Entries that the reader has sent."""

    def __init__(self, items: Iterator[Item], shared: SharedStream, begin: int, count: Count) -> None:
        """The layer begins at `begin` in the stream `shared`."""
        self._shared = shared
        self._begin = begin
        self._end = begin
        self._items = self._counted(items, count)
        self._current: Entry | None = None  # whose content was not asked for yet
        self._whole = False
        self._digest = KnownDigest()

    def _counted(self, items: Iterator[Item], count: Count) -> Iterator[Item]:
        """Those of one layer."""
        for item in items:
            if item[0] == COUNTED:
                count(item[1], item[2])
                self._shared.free(item[3])
            elif item[0] == DONE:
                self._end = item[1]
                return
            else:
                yield item

    def finish(self) -> int:
        """Pass over what was not asked for; gives where the next layer begins."""
        for _ in self._items:
            pass
        return self._end

    def content_at(self, offset: int, size: int) -> tuple[memoryview, ...]:
        return self._shared.content(self._begin + offset, size)

    def __iter__(self) -> Iterator[Entry | FileBatch]:
        for item in self._items:
            kind = item[0]
            if kind == FILES:
                yield FileBatch(item[1], item[2])
                continue
            if kind in (READ, ENDED):
                continue  # of a file whose content was not asked for
            self._whole = kind == WHOLE
            self._current = entry = Entry(*item[1])
            if item[2] is not None:
                self._digest = entry.digest = KnownDigest(item[2])
            yield entry

    def content(self) -> Iterable[Content]:
        entry, self._current = self._current, None
        if entry is None or not entry.stored_size:
            return ()
        if self._whole:
            return self.content_at(entry.offset, entry.stored_size)
        return self._pieces(entry)

    def _pieces(self, entry: Entry) -> Iterator[Content]:
        at = entry.offset
        for item in self._items:
            if item[0] == ENDED:
                self._digest.sha256 = item[1]
                return
            yield from self.content_at(at, item[1])
            at += item[1]
