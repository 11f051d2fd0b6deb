"""The same docker run line twice: by a real dockerd, and as a bundle under runc. Processes inside must see the same.

The daemon of this machine need not be the one whose behaviour bundler has, so what the two versions are known to differ
in stays out of sight: the paths that only the newer hides, and whose cgroups /sys/fs/cgroup shows.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler
from tests.support.docker import Docker
from tests.support.runtime import run

pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in ("dockerd", "docker", "runc", "busybox"))]

# Masked by 28 and not by 20.10.
HIDDEN_SINCE = "/proc/interrupts|/sys/devices/virtual/powercap|/thermal_throttle"
PROBE = rf"""
    name=$(hostname)
    id; id -G; pwd; umask
    echo "$name" | sed -E 's/^[0-9a-f]{{12}}$/NAME/'
    env | grep -v -E '^(SHLVL|_)=' | sed -E "s/$name/NAME/; s/^HOSTNAME=[0-9a-f]{{12}}$/HOSTNAME=NAME/" | sort
    grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)' /proc/self/status
    cat /proc/self/oom_score_adj
    for namespace in mnt pid ipc uts net user cgroup; do
        [ "$(readlink /proc/self/ns/$namespace)" = "$(eval echo \$HOST_$namespace)" ] && echo "the machine's $namespace"
    done
    ulimit -a
    awk '{{ print $2, $3, $4 }}' /proc/self/mounts | grep -v -E '^/sys/fs/cgroup|{HIDDEN_SINCE}' |
        sed -E 's/(relatime|inode64|(lower|upper|work)dir=[^,]*|gid=5),?//g; s/,$//' |
        sed -E 's#^(/etc/(hosts|resolv.conf)) .*#\\1 of whatever file system#; s#^/ [^ ]+ (r[ow]).*#/ \\1#' | sort -u
    awk '$2 !~ "^/etc/(hosts|resolv.conf)$" {{ print $2 }}' /proc/self/mounts |
        grep -v -E '^/sys/fs/cgroup|{HIDDEN_SINCE}' | sort -u | xargs stat -c '%n %A %u %g'
    for key in net/core/somaxconn net/ipv4/ping_group_range net/ipv4/ip_unprivileged_port_start net/ipv4/ip_forward \
        kernel/shm_rmid_forced kernel/domainname kernel/msgmax; do
        echo "$key" $(cat /proc/sys/$key 2>&1)
    done
    for file in memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes memory/memory.swappiness \
        cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us pids/pids.max cpuset/cpuset.cpus \
        devices/devices.list; do
        echo "$file" $(cat /sys/fs/cgroup/$file 2>&1 | sort)
    done
    (mount -t tmpfs tmpfs /mnt; unshare -U true; chroot / true; mknod /tmp/node c 1 3; touch /here /x/here) 2>&1
    hostname new 2>&1 | sed "s/$name/NAME/"
    ls -ln /x 2>&1 | sed -E 's/ +[A-Z][a-z]{{2}} +[0-9]+ +[0-9:]+ / /'
    ls -ln /dev | grep fuse | cut -c1,11-50  # not the mode, which is that of the machine's node
"""

# Lines whose every flag shows inside; {folder} is a folder of the machine with one file.
LINES = {
    "nothing": "plain",
    "an image with everything": "full",
    "an image with a numeric user": "numeric",
    "a user by name, with a group": "-u app:audio plain",
    "a user by number, with groups": "-u 1001 --group-add video --group-add 4000 plain",
    "variables": "-e APP_MODE=dev -e GREETING -e NEW='a b' full",
    "a working directory": "-w /new/dir plain",
    "a host name": "--hostname web1 --domainname example.org plain",
    "read-only with a tmpfs": "--read-only --tmpfs /run --tmpfs /tmp:exec,size=1m plain",
    "a tmpfs on what the image lacks": "-u 1000 --tmpfs /lacks/it --tmpfs /private:mode=700 plain",
    "a tmpfs on what the image has": "-u 1000 --tmpfs /tmp --tmpfs /etc:mode=1777 full",
    "a tmpfs in a volume": "-v tmpfs-in-it:/y -v /z --tmpfs /y/new --tmpfs /z/new:mode=770 full",
    "a bind": "-v {folder}:/x plain",
    "a read-only bind": "-v {folder}:/x:ro plain",
    "a mount in the long form": "--mount type=bind,src={folder},dst=/x,readonly,bind-propagation=private plain",
    "a volume with content": "-v cache:/data -v /y full",
    "capabilities added": "--cap-add SYS_ADMIN --cap-add NET_ADMIN plain",
    "capabilities dropped": "--cap-drop ALL --cap-add CHOWN plain",
    "no new privileges": "--security-opt no-new-privileges -u 1000 plain",
    "no seccomp": "--security-opt seccomp=unconfined plain",
    "ulimits": "--ulimit nofile=256:512 --ulimit core=0 plain",
    "parameters": "--sysctl net.core.somaxconn=99 --sysctl kernel.shm_rmid_forced=1 plain",
    "memory and processes": "--memory 64m --memory-reservation 32m --pids-limit 77 --cpu-shares 256 plain",
    "processors": "--cpus 0.5 --cpuset-cpus 0 plain",
    "a device": "--device /dev/fuse:/dev/fuse:r --device-cgroup-rule 'c 42:* rwm' plain",
    "shared memory": "--shm-size 8m --oom-score-adj 500 plain",
    "the machine's network": "--network host --hostname web1 plain",
    "the machine's namespaces": "--pid host --ipc host --uts host plain",
    "no paths hidden": "--security-opt systempaths=unconfined plain",
}
TARGET = "target: {cgroup: v1, kernel: '6.1'}\n"


@pytest.fixture(scope="module")
def loaded(docker: Docker, golden_archives: dict[str, Path]) -> Iterator[Path]:
    """The archive of the golden images, which the daemon knows, too."""
    docker("load", "--input", golden_archives["docker20"])
    yield golden_archives["docker20"]
    docker("volume", "rm", "--force", "cache", "tmpfs-in-it")


def words_of(line: str, folder: Path) -> tuple[list[str], str]:
    """The words of a line that runs the probe, and the name of its image."""
    *flags, image = shlex.split(line.format(folder=folder))
    network = [] if "--network" in flags else ["--network", "none"]
    machine = [f"HOST_{name}={Path(f'/proc/self/ns/{name}').readlink()}" for name in ("pid", "ipc", "uts", "net")]
    variables = [word for entry in machine for word in ("-e", entry)]
    return [*network, *variables, *flags, "--entrypoint", "/bin/sh", f"golden/{image}:1", "-c", PROBE], image


@pytest.mark.parametrize("title", LINES)
def test_inside_a_bundle_it_is_as_inside_docker(docker: Docker, loaded: Path, tmp_path: Path, title: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("here\n")
    words, image = words_of(LINES[title], folder)
    under_docker = docker("run", "--rm", *words)
    (folder / "here").unlink(missing_ok=True)
    (tmp_path / "line.yaml").write_text(bundler("overrides", "from-docker-run", "--", *words))
    (tmp_path / "target.yaml").write_text(TARGET)
    overrides = [word for name in ("line", "target") for word in ("--overrides", tmp_path / f"{name}.yaml")]
    bundler("build", f"docker-archive:{loaded}:golden/{image}:1", "--output", tmp_path / "bundle", *overrides)
    ended = run(tmp_path / "bundle")
    assert ended.stdout.splitlines() == under_docker.splitlines(), ended.stderr
