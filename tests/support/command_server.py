"""The command `bundler` with all that it imports in memory already: a call is a fork, and no new interpreter.

command.py starts this as a program that listens at an abstract socket, whose name is its argument, and ends with its
standard input. A call is a datagram, which command_call.py sends, or command_client.py: with descriptors of a socket
for the answers, of a folder, of standard streams, and of namespaces where they may be others than here. The answers are
the number of the process and, when it has ended, its status. If the caller hangs up, the process is killed.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

import bundler
from bundler import light_dataclass_decorator
from bundler.__main__ import main
from tests.support.traced import be_traced

LONGEST_CALL = 1 << 20
MOST_DESCRIPTORS = 16
STRACE = "BUNDLER_TEST_STRACE"  # as in command.py
STREAMS = 3
PR_SET_DUMPABLE = 4
# What a command imports only when it comes to need it: a check against a schema, a help text, a layer.
LATE = (
    *("jsonschema", "rich.markdown", "rich._emoji_codes", "typer.rich_utils"),
    *("zstandard", "isal.igzip_lib", "encodings.utf_8_sig"),
)


def import_all() -> None:
    # Each dataclass gets its __init__ here, and not in every call that makes one.
    light_dataclass_decorator._first_init = light_dataclass_decorator._compiled_init
    for module in pkgutil.walk_packages(bundler.__path__, "bundler."):
        importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def serve(listening: socket.socket) -> None:
    """Returns in a new process for each call, which has what the caller has; ends in this one with standard input."""
    running: dict[int, tuple[int, socket.socket]] = {}
    callers: dict[int, int] = {}
    while 0 not in (ready := select.select([0, listening.fileno(), *running, *callers], [], [])[0]):
        for ended in running.keys() & set(ready):
            command, caller = running.pop(ended)
            callers.pop(caller.fileno(), None)
            _answer(caller, os.waitpid(command, 0)[1])
            caller.close()
            os.close(ended)
        for gone in callers.keys() & set(ready):
            os.kill(callers.pop(gone), signal.SIGKILL)
        if listening.fileno() in ready:
            message, (answers, *descriptors), _, _ = socket.recv_fds(listening, LONGEST_CALL, MOST_DESCRIPTORS)
            caller = socket.socket(fileno=answers)
            if (command := os.fork()) == 0:
                for pidfd, (_, other) in running.items():
                    os.close(pidfd)
                    other.close()
                caller.close()
                become_the_caller(message, descriptors)
                return
            for descriptor in descriptors:
                os.close(descriptor)
            _answer(caller, command)
            running[os.pidfd_open(command)] = command, caller
            callers[caller.fileno()] = command
    os._exit(0)


def _answer(caller: socket.socket, number: int) -> None:
    with suppress(OSError):  # it has hung up
        caller.send(str(number).encode())


def become_the_caller(message: bytes, descriptors: Sequence[int]) -> None:
    umask, identity, number, *rest = message.split(b"\0")
    words, variables = rest[: int(number)], rest[int(number) :]
    folder, *others = descriptors
    streams, namespaces = others[:STREAMS], others[STREAMS:]
    for namespace in namespaces:
        enter(namespace)
    os.fchdir(folder)
    if identity:
        take(*map(int, identity.split(b",")))
    os.umask(int(umask))
    os.environ.clear()
    for variable in variables:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
    for descriptor in descriptors:
        os.close(descriptor)
    sys.argv = [os.fsdecode(word) for word in words]
    if STRACE in os.environ:
        be_traced(json.loads(os.environ.pop(STRACE)))


def enter(namespace: int) -> None:
    """Python has no setns before 3.12."""
    kind = os.readlink(f"/proc/self/fd/{namespace}").partition(":")[0]  # noqa: PTH115
    if os.stat(namespace).st_ino == os.stat(f"/proc/self/ns/{kind}").st_ino:  # noqa: PTH116
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, 0) != 0:
        raise OSError(ctypes.get_errno(), f"setns of {kind}")


def take(user: int, group: int, *groups: int) -> None:
    """The rights of a user, who can look at this process as at any that he starts."""
    if (user, group, sorted(groups)) == (os.getuid(), os.getgid(), sorted(os.getgroups())):
        return
    os.setgroups(groups)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


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
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as at:
        at.bind(f"\0{sys.argv[1]}")
        os.write(1, b"ready")
        serve(at)
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, int):
            end(ended.code)
        raise
