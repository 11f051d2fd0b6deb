"""The program `bundler` of a shell that tests drive: command_server.py runs the command, or this starts bundler itself.

It starts in a tenth of the time that bundler takes, since it imports nothing but what comes with any interpreter: not
even `signal` and `socket`, which are slower.
"""

import _signal  # type: ignore[import-not-found]
import _socket
import os
import sys
from collections.abc import Mapping

FORWARDED = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM)
# What a fork of the server can enter, and what it cannot.
ENTERED = ("cgroup", "ipc", "mnt", "net", "uts")
SHARED = ("pid_for_children", "time_for_children", "user")
# What an interpreter and the libraries of bundler look at when they start; all else is sent along with each call.
READ_AT_START = (
    *("PYTHON", "COVERAGE", "LD_", "MALLOC_", "LC_", "LANG", "TZ"),
    *("TERMINAL_WIDTH", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TYPER_", "_TYPER_"),
)


def main(*, address: str, descriptor: int, installed: str, circumstances: object) -> None:
    """`descriptor` is a socket that finds the server, whichever network this is called in; `installed` is bundler.

    `circumstances` are those of a process that is as the server's are, but for what is sent along.
    """
    words = [installed, *sys.argv[1:]]
    try:
        is_as_the_server = circumstances == circumstances_of_this_process(os.environ)
        answers = begin(address, descriptor, words) if is_as_the_server else None
    except OSError:  # a shell without a /proc, or with other descriptors
        answers = None
    if answers is None:
        os.execv(installed, words)  # noqa: S606 -- no shell is wanted
    command = int(answers.recv(100))
    for number in FORWARDED:
        if _signal.getsignal(number) is not _signal.SIG_IGN:
            _signal.signal(number, lambda number, _frame: os.kill(command, number))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, FORWARDED)
    end(int(answers.recv(100)))


def circumstances_of_this_process(environment: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...], str]:
    """The variables that count, if it has this environment; namespaces; limits."""
    namespaces = tuple(os.readlink(f"/proc/self/ns/{kind}") for kind in SHARED)  # noqa: PTH115 -- pathlib is slow to import
    with open("/proc/self/limits") as stream:  # noqa: PTH123
        return read_at_start(environment), namespaces, stream.read()


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}


def begin(address: str, descriptor: int, words: list[str]) -> _socket.socket:
    """Where the server answers with the number of a process, and with the status that it has ended with."""
    umask = os.umask(0)
    os.umask(umask)
    identity = ",".join(map(str, (os.getuid(), os.getgid(), *os.getgroups())))
    variables = [f"{name}={value}" for name, value in os.environ.items()]
    message = b"\0".join(os.fsencode(str(part)) for part in (umask, identity, len(words), *words, *variables))
    here, there = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    opened = [os.open(".", os.O_PATH), *(os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ENTERED)]
    sent = (there.fileno(), opened[0], 0, 1, 2, *opened[1:])
    rights = b"".join(number.to_bytes(4, sys.byteorder) for number in sent)
    _signal.pthread_sigmask(_signal.SIG_BLOCK, FORWARDED)
    server = _socket.socket(fileno=descriptor)
    server.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)], 0, f"\0{address}")
    there.close()
    for number in opened:
        os.close(number)
    return here


def end(status: int) -> None:
    """As the command has ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != _signal.SIGKILL:
            _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))
