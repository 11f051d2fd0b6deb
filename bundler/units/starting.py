"""How a service starts its container, and when the container counts as started."""

from collections.abc import Iterator
from typing import Final

from bundler.bundles.runtime import shared_memory
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.units.image_mount import ImageMount, mounted_for, mounting
from bundler.units.placing import Placing
from bundler.units.text import command_line, plain_text, script_text

# `systemctl start` ends when the container's process is there, so that a stop right after it finds a container to
# signal. It fails for nothing (`-`): when the service's own process has gone, that one says why, and a stop meanwhile
# ends both, this one with its last sleep: on control groups v1 within a container, systemd waits in vain for what
# outlives the process that it knows.
_STARTED: Final = (
    'trap exit HUP INT QUIT USR1 USR2 TERM; until [ -s "$0/pid" ] || ! kill -0 "$1" 2>/dev/null; do sleep 0.05; done'
)

# Rows of [Service] for what runs beside a container and has nothing to bring to an end: a check that is deaf to its end
# would keep the container's own stop for as long as systemd waits for any service. A stop is no failure of it.
SOON_STOPPED: Final = (("TimeoutStopSec", "2s"), ("SuccessExitStatus", "SIGTERM"))


def start_rows(
    config: RuntimeConfig, placing: Placing, stop_signal: int, image: ImageMount | None
) -> Iterator[tuple[str, str]]:
    """Rows of [Service] that start the container and remove it.

    A container that was left by a crash of runtime or machine is removed first; it would keep the id. `stop_signal` is
    the number of the signal that the service passes on to the container besides the usual ones; `image` is mounted
    where the root filesystem is one.
    """
    delete = command_line(placing.call("delete", "--force", placing.name))
    shared = None if placing.user else shared_memory(config)
    folder = f"{placing.directory}/{shared}"
    yield "ExecStartPre", f"-{delete}"
    if shared:
        options = "nosuid,nodev,noexec,mode=1777,size=64m"
        yield "ExecStartPre", f"-{command_line(('umount', folder))}"
        yield "ExecStartPre", command_line(("mount", "-t", "tmpfs", "-o", options, "shm", folder))
    yield from _on_terminal(placing, image) if placing.terminal else _with_pipe(placing, stop_signal, image)
    yield "ExecStartPost", f"-{command_line(('/bin/sh', '-c', _STARTED))} {run_directory(placing)} $MAINPID"
    yield "ExecStopPost", f"-{delete}"
    if shared:
        yield "ExecStopPost", f"-{command_line(('umount', folder))}"
    if image is not None:
        yield "TimeoutStartSec", "infinity"  # all of the image is read first


def _with_pipe(placing: Placing, stop_signal: int, image: ImageMount | None) -> Iterator[tuple[str, str]]:
    """The script that gives the container a pipe as its output comes by standard input: so no list of processes is
    full of it.
    """
    words = (str(stop_signal), placing.runtime, placing.directory, placing.name, *placing.call()[1:])
    shell, before = mounting(image)
    yield from script_rows("service.sh", before)
    yield "ExecStart", f"{shell} {run_directory(placing)} {command_line(words)}"


def script_rows(name: str, before: str = "") -> Iterator[tuple[str, str]]:
    """Rows of [Service] that give the script `name` to the shell as standard input, behind what comes `before`."""
    yield "StandardInput", "data"
    for line in (before + script_text(name)).splitlines():
        yield "StandardInputText", plain_text(line)


def _on_terminal(placing: Placing, image: ImageMount | None) -> Iterator[tuple[str, str]]:
    """The runtime by itself: it copies between the container's terminal and the one that the service has."""
    run, where = placing.call("run", "--pid-file"), ("--bundle", placing.directory, placing.name)
    command = f"{command_line(run)} {run_directory(placing)}/pid {command_line(where)}"
    yield "ExecStart", mounted_for(image, placing.directory, command)


def runtime_directories(placing: Placing) -> str:
    """What RuntimeDirectory= makes anew for each start, by the names it takes: none of another program's.

    The time of the first is when the container was started, so what changes lies in the ones below: in `run` what
    belongs to the start (`pid` is there from the moment that the container's process is), in `health` its checks.
    """
    name = f"bundler-{placing.name}"
    return f"{name} {name}/run {name}/health"


def container_directory(placing: Placing) -> str:
    """The first of them as a unit names it: %t is /run, or that of a user; its characters need no quotes."""
    return f"%t/bundler-{placing.name}"


def run_directory(placing: Placing) -> str:
    return f"{container_directory(placing)}/run"
