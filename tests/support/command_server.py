"""The command `bundler` with all that it imports in memory already: a call is a fork, and no new interpreter.

command.py starts this as a program that listens at an abstract socket, whose name is its argument, and ends with its
standard input. A call is what command_client.py sends.
"""

import gc
import importlib
import os
import pkgutil
import select
import socket
import sys

import bundler
from bundler.__main__ import main

LONGEST_CALL = 1 << 20
STREAMS = 3


def import_all() -> None:
    for module in pkgutil.walk_packages(bundler.__path__, "bundler."):
        importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def serve(listening: socket.socket) -> None:
    """Returns in a new process for each call, which has what the caller has; ends in this one with standard input."""
    while listening.fileno() in select.select([listening.fileno(), 0], [], [])[0]:
        connection, _ = listening.accept()
        if (waiting := os.fork()) == 0:
            listening.close()
            if (command := os.fork()) == 0:
                become_the_caller(connection)
                return
            _, status = os.waitpid(command, 0)
            connection.send(str(status).encode())
            os._exit(0)
        connection.close()
        ended.append(waiting)
        ended[:] = [process for process in ended if os.waitpid(process, os.WNOHANG) == (0, 0)]
    os._exit(0)


ended: list[int] = []


def become_the_caller(connection: socket.socket) -> None:
    message, (folder, *streams), _, _ = socket.recv_fds(connection, LONGEST_CALL, 1 + STREAMS)
    connection.close()
    umask, *words = message.split(b"\0")
    os.umask(int(umask))
    os.fchdir(folder)
    os.close(folder)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.argv = [os.fsdecode(word) for word in words]


if __name__ == "__main__":
    import_all()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as at:
        at.bind(f"\0{sys.argv[1]}")
        at.listen()
        os.write(1, b"ready")
        serve(at)
    main()
