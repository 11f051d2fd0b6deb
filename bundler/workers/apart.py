"""The two things that workers are for: items that are made ahead, and a stream that is filled ahead."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeVarTuple

from bundler.workers.batches import RING, Receiver, Sender
from bundler.workers.process import connected
from bundler.workers.shared_stream import SIZE, Filler, SharedStream

Arguments = TypeVarTuple("Arguments")


@contextmanager
def read_apart(
    name: str,
    make: Callable[[Sender, *Arguments], None],
    arguments: tuple[*Arguments],
    descriptors: Collection[int] = (),
) -> Iterator[Receiver]:
    """What `make` sends; `name` is what messages call the worker. See `connected`."""
    with connected(name, make, arguments, side=Sender, size=RING, descriptors=descriptors) as ends:
        yield Receiver(ends.worker, ends.memory, ends.read, ends.write)


@contextmanager
def filled_apart(
    name: str,
    fill: Callable[[Filler, *Arguments], None],
    arguments: tuple[*Arguments],
    descriptors: Collection[int] = (),
) -> Iterator[tuple[SharedStream, tuple[int, int]]]:
    """What `fill` puts, and the descriptors by which another worker can be its reader. See `connected`."""
    with connected(name, fill, arguments, side=Filler, size=SIZE, descriptors=descriptors) as ends:
        stream = SharedStream(ends.worker, ends.memory, ends.read, ends.write)
        yield stream, (ends.descriptor, ends.read)
