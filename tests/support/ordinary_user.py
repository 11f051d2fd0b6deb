"""Code run as a user who is not root, in a process of its own."""

import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

USER = 65534
T = TypeVar("T")


@contextmanager
def folder_of_a_user() -> Iterator[Path]:
    """A folder that USER can get to and write to: those of pytest are root's alone.

    It has the sticky bit, as /tmp, so that root may write there, too: not where USER could exchange what root makes.
    """
    folder = Path(tempfile.mkdtemp(prefix="bundler-test-"))
    try:
        folder.chmod(0o1777)
        yield folder
    finally:
        shutil.rmtree(folder)


def as_user(work: Callable[[], T], *, user: int = USER) -> T:
    """The result of `work`, or the exception it ended with; nothing else of the process is left."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            try:
                outcome: tuple[bool, object] = (True, work())
            except Exception as error:  # noqa: BLE001  (it is raised again by the parent)
                outcome = (False, error)
            with os.fdopen(writing, "wb") as stream:
                stream.write(pickle.dumps(outcome))
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        content = stream.read()
    os.waitpid(child, 0)
    good, result = pickle.loads(content)  # noqa: S301 -- it is what this very function wrote
    if not good:
        raise result
    return result  # type: ignore[no-any-return]
