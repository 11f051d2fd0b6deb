"""What the workers of tests do: it is found by name, so it cannot stand in the tests themselves."""

import ctypes
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bundler.errors import ImageError
from bundler.workers.batches import LARGEST_CONTENT, Sender
from bundler.workers.shared_stream import SIZE, Filler

NOISE = random.Random(1).randbytes(3 * SIZE + 12345)  # noqa: S311 -- the same each time
SIZES = [0, 1, LARGEST_CONTENT, 7, LARGEST_CONTENT - 1, 100_000] * 20


class OddError(Exception):
    """It can neither be written nor made again nor shown."""

    def __init__(self, one: object, two: object) -> None:
        super().__init__(one, two, lambda: None)

    def __str__(self) -> str:
        raise ValueError("no text")

    def __reduce__(self) -> str:
        raise TypeError("no pickle")


def fail() -> None:
    raise ImageError("the layer is no good", hint="take another")


def fail_at_a_file() -> None:
    raise OSError(5, "this text is not kept", "some/file")


def stumble() -> None:
    raise KeyError("missing")


def be_odd() -> None:
    raise OddError(1, 2)


def leave() -> None:
    sys.exit(0)


def exhaust_memory() -> None:
    bytes(1 << 62)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    ctypes.string_at(0)


def exit_without_a_word() -> None:
    os._exit(3)


def be_interrupted() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)


def compute() -> None:
    """For long, without a look at any pipe."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        sum(range(1000))


def end_with(name: str) -> Callable[[], None]:
    end: Callable[[], None] = globals()[name]
    return end


def send_numbers(sender: Sender, count: int, end: str | None = None) -> None:
    """Numbers, and then what `end` does."""
    for number in range(count):
        sender.send((number,))
    if end is not None:
        end_with(end)()


def send_sizes(sender: Sender) -> None:
    for number, size in enumerate(SIZES):
        at, room = sender.room(size)
        room[:] = bytes([number]) * size
        sender.send((at, size))


def send_without_end(sender: Sender) -> None:
    while True:
        at, room = sender.room(LARGEST_CONTENT)
        room[:1] = b"x"
        sender.send((at,))


def send_surroundings(sender: Sender) -> None:
    """The descriptors that are open, which modules are there, and what is said to signals."""
    descriptors = sorted(int(path.name) for path in Path("/proc/self/fd").iterdir())
    ignored = [signal.getsignal(number) is signal.SIG_IGN for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    blocked = sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    sender.send((descriptors, sorted(sys.modules), ignored, blocked))


def send_length(sender: Sender, content: bytes) -> None:
    sender.send((len(content),))


def send_what_is_read(sender: Sender, descriptor: int) -> None:
    sender.send((os.read(descriptor, 100),))


def fill_noise(filler: Filler, step: int = 300_000) -> None:
    for at in range(0, len(NOISE), step):
        filler.put(NOISE[at : at + step], 1)


def fill_parts(filler: Filler, *parts: bytes) -> None:
    for part in parts:
        if part:
            filler.put(part, 1)
        filler.end_part(10)


def fill_without_end(filler: Filler) -> None:
    while True:
        filler.put(bytes(1000), 1)


def fill_crumbs(filler: Filler) -> None:
    for _ in range(20_000):
        filler.put(b"x", 0)


def fill_and_end(filler: Filler, content: bytes, end: str) -> None:
    filler.put(content, 1)
    end_with(end)()
