"""The command `bundler` with all that it imports in memory already: a call is a fork, and no new interpreter.

command.py starts this as a program that listens at an abstract socket, whose name is its argument, and ends with its
standard input. A call is what command_call.py sends.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import socket
import sys
import threading
from contextlib import suppress

import bundler
from bundler.__main__ import main
from tests.support.traced import be_traced

LONGEST_CALL = 1 << 20
STRACE = "BUNDLER_TEST_STRACE"  # as in command.py
STREAMS = 3
# What a command imports only when it comes to need it: a check against a schema, a help text, a layer.
LATE = ("jsonschema", "rich.markdown", "typer.rich_utils", "zstandard", "isal.igzip_lib")


def import_all() -> None:
    for module in pkgutil.walk_packages(bundler.__path__, "bundler."):
        importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def serve(listening: socket.socket) -> None:
    """Returns in a new process for each call, which has what the caller has; ends in this one with standard input."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while 0 not in (ready := select.select([0, listening.fileno(), *running], [], [])[0]):
        for ended in running.keys() & set(ready):
            command, connection = running.pop(ended)
            connection.send(str(os.waitpid(command, 0)[1]).encode())
            connection.close()
            os.close(ended)
        if listening.fileno() in ready:
            connection, _ = listening.accept()
            if (command := os.fork()) == 0:
                for pidfd, (_, other) in running.items():
                    os.close(pidfd)
                    other.close()
                become_the_caller(connection)
                return
            running[os.pidfd_open(command)] = command, connection
    os._exit(0)


def become_the_caller(connection: socket.socket) -> None:
    message, (folder, *streams), _, _ = socket.recv_fds(connection, LONGEST_CALL, 1 + STREAMS)
    connection.close()
    umask, number, *rest = message.split(b"\0")
    words, variables = rest[: int(number)], rest[int(number) :]
    os.umask(int(umask))
    os.environ.clear()
    for variable in variables:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    os.fchdir(folder)
    os.close(folder)
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    sys.argv = [os.fsdecode(word) for word in words]
    if STRACE in os.environ:
        be_traced(json.loads(os.environ.pop(STRACE)))


def end(exit_code: int) -> None:
    """End as Python does, but for what takes longest: to take apart all modules, of which each page is copied for that.

    It returns where Python itself has to say that the last words could not be written.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


if __name__ == "__main__":
    import_all()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as at:
        at.bind(f"\0{sys.argv[1]}")
        at.listen()
        os.write(1, b"ready")
        serve(at)
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, int):
            end(ended.code)
        raise
