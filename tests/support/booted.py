"""A machine with systemd as its first process: namespaces and control groups of its own, and a Debian as its files."""

import os
import shlex
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.command import bundler
from tests.support.debian import add_packages
from tests.support.made_once import made_once
from tests.support.runtime import Ended, call
from tests.support.waiting import awaited, wait_until

PACKAGES = ("systemd", "runc", "crun", "iptables", "iproute2", "containernetworking-plugins")
CONTROLLERS = Path("/sys/fs/cgroup")
FIRST_WITHOUT_CGROUP_V1 = 258  # NEWS of systemd 258

# $0 is the root file system, $1 the version of control groups. What stands in /sys/fs/cgroup there is what this machine
# has, from the group on that the process is in; of the two versions beside each other crun wants one.
SET_UP = """
mount --make-rprivate /
mount --bind "$0" "$0"
cd "$0"
mount -t proc proc proc
mount -t sysfs sysfs sys
if [ "$1" = 2 ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
else
    mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
    for folder in /sys/fs/cgroup/*; do
        name=${folder##*/}
        case $name in
        unified) continue ;;
        systemd) options=none,name=systemd ;;
        *) options=$name ;;
        esac
        mkdir "sys/fs/cgroup/$name"
        mount -t cgroup -o "$options" cgroup "sys/fs/cgroup/$name"
    done
fi
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    : >"dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
mknod dev/loop-control c 10 237
for number in $(seq 0 63); do
    mknod "dev/loop$number" b 7 "$number"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir run/old
busybox pivot_root . run/old
umount --lazy run/old
ip link set lo up
exec env --ignore-environment container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    SYSTEMD_PROC_CMDLINE=systemd.legacy_systemd_cgroup_controller=1 /lib/systemd/systemd --log-target=null
"""


@dataclass(frozen=True)
class Booted:
    """`pid` is systemd's, as seen from here; `root` its files, as they are found here."""

    pid: int
    root: Path

    def __call__(self, *command: str | Path) -> Ended:
        return call(["nsenter", "--target", str(self.pid), "--all", *command])

    def must(self, *command: str | Path) -> str:
        ended = self(*command)
        assert ended.exit_code == 0, f"{' '.join(map(str, command))}: {ended.stderr}"
        return ended.stdout

    def add_units(self, bundle: Path, *options: str | Path) -> None:
        """Put the units of a bundle of this machine's /srv in place, as `bundler unit` writes them."""
        place = f"/{bundle.relative_to(self.root)}"
        units = self.root / "etc/systemd/system"
        bundler("unit", bundle, "--directory", place, "--output", units, "--force", *options)
        self.must("systemctl", "daemon-reload")

    def shown(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        lines = self.must("systemctl", "show", unit, *(f"--property={name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def stop(self, *patterns: str) -> None:
        """Stop all units of such names, and forget which of them have failed."""
        self.must("systemctl", "stop", *patterns)
        self.must("systemctl", "reset-failed", *patterns)

    def journal(self, service: str) -> list[str]:
        """What a service has printed."""
        self.must("journalctl", "--sync")
        match = (f"_SYSTEMD_UNIT={service}.service", "_TRANSPORT=stdout")
        return self.must("journalctl", "--no-pager", "--output=cat", *match).splitlines()

    def wait_for_line(self, service: str, line: str, times: int = 1) -> None:
        """Until a service has printed a line so many times."""
        wait_until(lambda: self.journal(service).count(line) >= times)

    def wait_for_property(self, unit: str, name: str, *values: str) -> None:
        """Until a property of a unit has one of the values."""
        wait_until(lambda: self.shown(unit, name)[name] in values)


def systemd_root(debian: Path, cache: Path, folder: Path) -> Path:
    """A Debian with systemd and runtimes, a new one in `folder`; what it is a copy of is made once per cache.

    What lies in usr/ is the same files by other names, where these may be on one disk: programs are replaced (by dpkg,
    too), and not written over.
    """
    made, root = made_once(cache / "systemd", partial(_make_root, debian, cache)), folder / "root"
    root.mkdir()
    for path in made.iterdir():
        words: list[str | Path] = ["cp", "--archive", "--reflink=auto", path, root]
        if path.name != "usr" or subprocess.run([*words, "--link"], stderr=subprocess.PIPE, check=False).returncode:
            subprocess.run(words, check=True)
    return root


def _make_root(debian: Path, cache: Path, root: Path, scratch: Path) -> None:
    """Out of the image `debian` of an OCI layout."""
    bundler("build", f"oci:{debian}:debian", "--output", scratch / "bundle")
    (scratch / "bundle/rootfs").rename(root)
    add_packages(root, cache, *PACKAGES)
    (root / "srv/bundles").mkdir()


@contextmanager
def booted(root: Path) -> Iterator[Booted]:
    """Start systemd in `root`, and end it and all it started."""
    group = f"booted-{uuid.uuid4().hex[:12]}"
    hierarchies = _hierarchies(root)
    groups = [hierarchy / group for hierarchy in hierarchies]
    version = "2" if (hierarchies[0] / "cgroup.controllers").exists() else "1"
    command = ["unshare", *("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child")]
    _make(groups)
    # The shell is in the groups before unshare makes them the roots of what is seen inside.
    entering = "".join(f"echo $$ >{shlex.quote(str(path))}/cgroup.procs; " for path in groups)
    line = f'{entering}exec "$@"'
    with subprocess.Popen(
        ["sh", "-euc", line, "sh", *command, "sh", "-euc", SET_UP, root, version], start_new_session=True
    ) as unshare:
        try:
            machine = Booted(_child(unshare.pid), root)
            _wait_until_up(machine)
            yield machine
        finally:
            unshare.send_signal(signal.SIGKILL)
            unshare.wait()
            _remove(groups)


def _hierarchies(root: Path) -> list[Path]:
    """The hierarchies of control groups that the systemd in `root` is to see: of version 2 or of version 1, never both.

    A machine with both keeps its controllers in version 1; a systemd that has forgotten version 1 starts without any.
    """
    if (CONTROLLERS / "cgroup.controllers").exists():
        return [CONTROLLERS]
    if _systemd_version(root) >= FIRST_WITHOUT_CGROUP_V1:
        return [CONTROLLERS / "unified"]
    return [folder for folder in CONTROLLERS.iterdir() if folder.name != "unified"]


def _systemd_version(root: Path) -> int:
    (library,) = root.glob("usr/lib/*/systemd/libsystemd-shared-*.so")
    return int(library.stem.rpartition("-")[2])


def _make(groups: list[Path]) -> None:
    for group in groups:
        group.mkdir()
        if (group / "cpuset.cpus").exists() and group.parent.name == "cpuset":  # without these it takes no process
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((group.parent / file).read_text())
            (group / "cgroup.clone_children").write_text("1")


def _remove(groups: list[Path]) -> None:
    """Remove the groups from the leaves up; the kernel takes a moment to see that they are empty."""
    for group in groups:
        for _ in range(50):
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()
            if not group.exists():
                break
            time.sleep(0.1)


def _child(parent: int) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children")
    wait_until(children.read_text)
    return int(children.read_text().split()[0])


def _wait_until_up(machine: Booted) -> None:
    def is_up() -> bool:
        return machine("systemctl", "is-system-running").stdout.strip() in {"running", "degraded"}

    if not awaited(is_up, pause=0.2):
        raise RuntimeError(f"systemd has not started all: {machine('systemctl', 'list-jobs')}")
