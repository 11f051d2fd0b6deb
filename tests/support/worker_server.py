"""What the readers of layers import, in memory already: a worker is a fork of this program, and no new interpreter.

forked_workers.py starts it with a socket as its standard input, and it ends with that. A request is the numbers that
the descriptors sent along are to have, the lifeline first, and, before them, a socket that is told how the worker ends.
"""

import fcntl
import gc
import json
import os
import select
import socket
from contextlib import suppress
from importlib import import_module

from bundler.workers.child import main

MOST, LARGEST = 64, 1 << 16
ABOVE_ALL_OTHERS = 512
READERS = ("bundler.images.layer_reader", "bundler.images.layer_stream")


def serve(requests: socket.socket) -> None:
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready = select.select([requests.fileno(), *running], [], [])[0]
        for ended in running.keys() & set(ready):
            worker, telling = running.pop(ended)
            with suppress(BrokenPipeError), telling:
                telling.send(str(os.waitpid(worker, 0)[1]).encode())
            os.close(ended)
        if requests.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(requests, LARGEST, MOST)
            if not message:
                return
            telling = socket.socket(fileno=descriptors.pop(0))
            if (worker := os.fork()) == 0:
                become_a_worker(json.loads(message), descriptors)
            telling.send(str(worker).encode())
            running[os.pidfd_open(worker)] = worker, telling
            for descriptor in descriptors:
                os.close(descriptor)


def become_a_worker(numbers: list[int], sent: list[int]) -> None:
    """It has nothing but the descriptors that it is to have, and standard streams."""
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, ABOVE_ALL_OTHERS) for descriptor in sent]
    os.closerange(3, ABOVE_ALL_OTHERS)
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    if null not in numbers:
        os.close(null)
    main(numbers[0])


if __name__ == "__main__":
    for name in READERS:
        import_module(name)
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as requests:
        serve(requests)
