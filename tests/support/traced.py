"""A process that has strace attach to it: a fork, whose start is done already, need not be followed through one."""

import ctypes
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.waiting import SECONDS

PR_SET_PTRACER, ANY_PROCESS = 0x59616D61, -1  # prctl(2), for where Yama lets only a parent attach


def be_traced(strace: Sequence[str]) -> None:
    """Return when strace, started with these words, sees what this process calls.

    strace is no child of this process, which may wait for all its children, and holds none of its descriptors.
    """
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANY_PROCESS)
    traced = str(os.getpid())
    if (between := os.fork()) == 0:
        if os.fork() == 0:
            _become([*strace, "-p", traced])
        os._exit(0)
    os.waitpid(between, 0)
    deadline = time.monotonic() + SECONDS
    while "\nTracerPid:\t0\n" in Path("/proc/self/status").read_text():
        if time.monotonic() > deadline:
            raise RuntimeError(f"strace does not attach: {strace}")
        time.sleep(0.001)
    # strace has taken hold of this process, and sees its calls from when it has first let it go on: a signal that does
    # nothing makes this process stop for its tracer, too.
    os.kill(os.getpid(), signal.SIGURG)


def _become(command: list[str]) -> None:
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.execvp(command[0], command)  # noqa: S606 -- no shell is wanted
    finally:
        os._exit(1)
