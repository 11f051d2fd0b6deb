"""A machine without Docker, Python and bundler: a Debian of its own, with its own network and /run."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.machine import Machine

SET_UP = """
ip link set lo up
mount --make-rprivate /
mount --bind "$0" "$0"
cd "$0"
for kind in proc dev sys; do mount --rbind "/$kind" "$kind"; done
mount -t tmpfs tmpfs run
mkdir -p old
pivot_root . old
umount --lazy /old
echo ready
exec sleep 600
"""


@contextmanager
def fresh_machine(root: Path) -> Iterator[Machine]:
    """The machine whose root file system is `root`; containers of runc that are left are ended."""
    command: list[str | Path] = ["unshare", "--net", "--mount", "sh", "-euc", SET_UP, root]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0) as keeper:
        assert keeper.stdout is not None
        try:
            assert keeper.stdout.read(6) == b"ready\n"
            made = Machine(keeper.pid)
            yield made
            for name in made("ls", "/run/runc").stdout.split():
                made("runc", "delete", "--force", name)
        finally:
            keeper.kill()
