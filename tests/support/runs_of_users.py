"""`bundler run` as a user who is not root: by a fork, since Python's own files may be root's alone."""

import codecs
import ctypes
import os
import stat
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from bundler import tools
from bundler.errors import BundlerError
from bundler.running.namespace import CHANGED_DESCRIPTOR
from bundler.running.start import RunRequest, prepare
from bundler.running.system_calls import NEW_MOUNTS, mount, unshare
from tests.support.ordinary_user import USER
from tests.support.runtime import Ended

_PRIVATE, _BIND = 1 << 18, 1 << 12
_EVERYWHERE = 1 << 14
_DUMPABLE = 4
_VERSION_2 = "/sys/fs/cgroup/unified"


class RunOfAUser:
    """A process in which USER runs a bundle, with a /dev/fuse that is open to all, as it is where udev is.

    `subordinate` is what /etc/subuid and /etc/subgid say there.
    """

    def __init__(self, request: RunRequest, *, fuse: int = 0o666, subordinate: str = "") -> None:
        with suppress(BundlerError):
            prepare(request, terminal_here=False)  # so that everything is imported before
        for name in ("ascii", "latin-1", "unicode_escape"):
            codecs.lookup(name)
        self._output, self._errors = (os.memfd_create(name) for name in ("output", "errors"))
        self.process = os.fork()
        if self.process == 0:
            try:
                self._become(request, fuse, subordinate)
            except BundlerError as error:
                sys.stderr.write(f"{error.what}\n{error.hint}\n")
                os._exit(error.exit_code)
            except BaseException:  # noqa: BLE001  (a fork of the tests never goes on with them)
                traceback.print_exc()
                os._exit(99)

    def _become(self, request: RunRequest, fuse: int, subordinate: str) -> None:
        for number, descriptor in ((1, self._output), (2, self._errors)):
            os.dup2(descriptor, number)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)  # pytest's own would keep it
        unshare(NEW_MOUNTS)
        mount(None, "/", None, _PRIVATE | _EVERYWHERE)
        if Path(_VERSION_2).is_mount():  # as WITHOUT_CGROUP_V2 of support/runtime.py
            ctypes.CDLL(None).umount2(_VERSION_2.encode(), 0)
        with tempfile.TemporaryDirectory() as folder:
            node, ids = Path(folder, "fuse"), Path(folder, "ids")
            os.mknod(node, stat.S_IFCHR | fuse, os.makedev(10, 229))
            node.chmod(fuse)
            ids.write_text(subordinate)
            ids.chmod(0o644)
            for path, place in ((node, "/dev/fuse"), (ids, "/etc/subuid"), (ids, "/etc/subgid")):
                mount(str(path), place, None, _BIND)
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        ctypes.CDLL(None).prctl(_DUMPABLE, 1)  # as a process is that was started by this user
        start = prepare(request, terminal_here=False)
        words = start.words if start.entry is None else start.entry.enter()
        handed = {} if start.changed is None else {CHANGED_DESCRIPTOR: start.changed}
        tools.become(words, handed=handed, standard_input=False)

    def wait(self) -> Ended:
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        texts = []
        for descriptor in (self._output, self._errors):
            with os.fdopen(descriptor, "rb") as stream:
                stream.seek(0)
                texts.append(stream.read().decode())
        return Ended(status, *texts)
