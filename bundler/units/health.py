"""A health check as a timer and a service that fails while the container is unhealthy.

Docker looks again each `interval` after the last check has ended, and calls a container unhealthy after `retries`
failures in a row; those of its `start_period` do not count. systemd counts no failures over several starts of a unit,
so the service does, in a file that goes away with the container.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.keys.scalars import parse_duration
from bundler.runtime_spec.parts import Process
from bundler.units.placing import Placing
from bundler.units.starting import SOON_STOPPED, container_directory, run_directory
from bundler.units.text import command_line, time_span, unit_text

_SHELL: Final = ("/bin/sh", "-c")
_ENDING: Final = "10"  # between the end of a check's time and its being killed
_MOST: Final = 10**9
# The words of the check are arguments and never a part of the script. $0 is the directory that systemd makes when the
# container starts, and whose time is that; what changes is in the one below. The check writes to a pipe, since crun
# would hand it the journal's socket, which cannot be opened as /dev/stdout and does not tell whose words these are;
# Docker, too, keeps 4096 bytes of them. What a check has left running may hold the pipe: it is not waited for. A check
# that a stop meets says nothing, and the shell is the last of its group: for processes that outlive the first one,
# systemd waits in vain where nothing tells it that a group is empty (control groups v1 within a container).
_COUNTING: Final = (
    "trap 'wait; exit 0' TERM; "
    "most=$1 period=$2 failed=$0/health/failed pipe=$0/health/output tries=0; shift 2; "
    'rm -f -- "$pipe"; mkfifo -m 622 "$pipe" || exit 0; { head -c 4096; cat >/dev/null; } <"$pipe" & '
    '"$@" >"$pipe" 2>&1; code=$?; '
    "while [ $((tries += 1)) -lt 20 ] && kill -0 $! 2>/dev/null; do sleep 0.05; done; "
    'if [ "$code" = 0 ]; then rm -f -- "$failed"; echo >"$0/health/passed"; exit 0; fi; '
    'since=$(date -r "$0" +%s) || exit 0; '
    'if [ $(($(date +%s) - since)) -lt "$period" ]; then exit 0; fi; '
    'n=$(($(cat -- "$failed" 2>/dev/null || echo 0) + 1)); echo "$n" >"$failed"; '
    'echo "health check failed: $n in a row" >&2; [ "$n" -lt "$most" ]'
)
# When the container has gone. What was said of it is about nothing any more, and would have systemd call the machine
# degraded. Without the file the timer, which goes later, starts no further check; the one under way ends before.
_FORGETTING: Final = 'rm -f -- "$0/pid"; check=$1; shift; "$@" stop "$check"; "$@" reset-failed "$check"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`command` runs in the container; times are nanoseconds."""

    command: tuple[str, ...]
    interval: int
    timeout: int
    start_period: int
    retries: int


def parse_health(recorded: Json) -> Health | None:
    """The health check that bundler.json holds, with Docker's defaults; None if there is none. Raises RequestError."""
    if recorded is None:
        return None
    if not isinstance(recorded, dict):
        raise RequestError("bundler.json: healthcheck: not an object")
    command = _command(recorded)
    if command is None or recorded.get("disable") in (True, "true"):
        return None
    return Health(
        command=command,
        interval=_time(recorded, "interval", "30s"),
        timeout=_time(recorded, "timeout", "30s"),
        start_period=_time(recorded, "start_period", "0s"),
        retries=_retries(recorded.get("retries")),
    )


def _command(recorded: Mapping[str, Json]) -> tuple[str, ...] | None:
    """What to run: a text and CMD-SHELL are for the image's shell. dockerd runs nothing for what it does not know."""
    test = recorded.get("test")
    if isinstance(test, str):
        test = ["CMD-SHELL", test]
    words = test if isinstance(test, list) else []
    shell = recorded.get("shell") or list(_SHELL)
    if not isinstance(shell, list) or not all(isinstance(word, str) for word in [*words, *shell]):
        raise RequestError("bundler.json: healthcheck.test: not a list of words")
    if words[:1] == ["CMD"] and len(words) > 1:
        return tuple(words[1:])
    if words[:1] == ["CMD-SHELL"] and len(words) > 1:
        return (*shell, " ".join(words[1:]))
    return None


def _time(recorded: Mapping[str, Json], key: str, default: str) -> int:
    """0 is the default, as for Docker."""
    given = recorded.get(key)
    try:
        return parse_duration(given if given is not None else default) or parse_duration(default)
    except (TypeError, ValueError) as error:
        raise RequestError(f"bundler.json: healthcheck.{key}: {printable(str(error))}") from None


def _retries(given: Json) -> int:
    try:
        retries = int(given or 0)
    except (TypeError, ValueError):
        retries = -1
    if not 0 <= retries < _MOST or isinstance(given, bool | float):
        raise RequestError("bundler.json: healthcheck.retries: not a number of failures")
    return retries or 3


def health_units(placing: Placing, health: Health, process: Process) -> dict[str, str]:
    """NAME-health.service, which runs one check, and NAME-health.timer, which starts it.

    A check runs as the container's own `process` does (config.json's), which dockerd takes for its checks, too.
    """
    service, check = f"{placing.name}.service", f"{placing.name}-health"
    run = check_words(placing, health, process)
    return {
        f"{check}.service": unit_text(
            Unit=[
                ("Description", f"Health check of container {placing.name}"),
                ("After", service),
                # Without a container there is nothing to look at. A dependency (Requisite) would cancel a stop of the
                # service that is under way: systemd takes the newer of two jobs that contradict each other.
                ("ConditionPathExists", f"{run_directory(placing)}/pid"),
                ("StartLimitIntervalSec", "0"),
            ],
            Service=[
                ("Type", "oneshot"),
                ("ExecStart", _counted(placing, health, run)),
                ("TimeoutStartSec", "infinity"),
                *SOON_STOPPED,
            ],
        ),
        f"{check}.timer": unit_text(
            Unit=[
                ("Description", f"Health checks of container {placing.name}"),
                ("After", service),
                # It goes when the service that wants it has gone. Any dependency on that would start it, also while
                # it waits for its restart, and systemd counts each such attempt as a start (StartLimitBurst).
                ("StopWhenUnneeded", "yes"),
            ],
            Timer=[
                ("OnActiveSec", time_span(health.interval)),
                ("OnUnitInactiveSec", time_span(health.interval)),
                ("AccuracySec", "100ms"),
            ],
        ),
    }


def checks_forgotten(placing: Placing) -> str:
    """What the container's service runs when the container has gone: its checks have neither failed nor passed."""
    manager = ("systemctl", "--user") if placing.user else ("systemctl",)
    words = command_line((f"{placing.name}-health.service", *manager))
    return f"-{command_line((*_SHELL, _FORGETTING))} {run_directory(placing)} {words}"


def check_words(placing: Placing, health: Health, process: Process) -> tuple[str, ...]:
    """The command line of one check, which ends in its time."""
    limit = ("timeout", "-k", _ENDING, _seconds(health.timeout))
    return (*limit, *placing.call("exec", *_identity(process), placing.name, *health.command))


def _identity(process: Process) -> Iterator[str]:
    """The options of `exec` that make another process what the container's own is.

    runc starts from config.json, crun from root in / with new privileges allowed, and both take the same words for it.
    Capabilities are config.json's in either: `--cap` would add ambient ones in runc, and leave crun no others.
    """
    yield from ("--user", f"{process.uid}:{process.gid}", "--cwd", process.cwd or "/")
    if process.no_new_privileges:
        yield "--no-new-privs"


def health_remarks(placing: Placing, process: Process) -> tuple[str, ...]:
    """What a check lacks of the container's own process, since `crun exec` has no option for it."""
    if not PurePosixPath(placing.runtime).name.startswith("crun"):
        return ()
    parts = {
        "group_add": process.additional_gids,
        "umask": process.umask,
        "ulimits": process.rlimits,
        "oom_score_adj": process.oom_score_adj,
    }
    lost = [key for key, value in parts.items() if value]
    return (f"crun starts a health check without {', '.join(lost)} of the container",) if lost else ()


def _counted(placing: Placing, health: Health, run: tuple[str, ...]) -> str:
    period = -(-health.start_period // 10**9)
    script, words = ("/bin/sh", "-c", _COUNTING), (str(health.retries), str(period), *run)
    return f"{command_line(script)} {container_directory(placing)} {command_line(words)}"


def _seconds(nanoseconds: int) -> str:
    """As timeout(1) takes them; 0 would be no limit."""
    whole, rest = divmod(max(nanoseconds, 10**6), 10**9)
    return f"{whole}.{rest:09d}" if rest else str(whole)
