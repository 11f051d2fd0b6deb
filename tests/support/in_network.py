"""Code run in another network, by a thread that ends with it: no interpreter has to be started there."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

CLONE_NEWNET = 0x40000000  # sched.h
T = TypeVar("T")


def in_network(namespace: Path, act: Callable[[], T]) -> T:
    """What `act` gives in a network namespace. Raises OSError if there is none, and what `act` raises."""
    libc = ctypes.CDLL(None, use_errno=True)

    def entered() -> T:
        descriptor = os.open(namespace, os.O_RDONLY)
        try:
            if libc.setns(descriptor, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(namespace))
        finally:
            os.close(descriptor)
        return act()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(entered).result()
