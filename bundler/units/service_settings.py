"""The settings of a service that follow from config.json and bundler.json: limits, privileges, restarts and the stop.

The limits (setrlimit(2)) that a service hands on to its container are those of Docker's own service. The service gives
up only what neither runtime nor container can miss, since whatever else systemd offers would reach the container: a
mount namespace of the service's own (ProtectSystem, ProtectHome, PrivateTmp ...) would hide what is mounted into it;
system call filters (RestrictNamespaces, LockPersonality, SystemCallFilter ...) and NoNewPrivileges are inherited; and
namespaces are the runtime's to make.
"""

import re
import signal
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.overrides.keys.scalars import parse_duration
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.units.placing import Placing
from bundler.units.text import Rows, command_line, time_span

# What docker.service says, and so what its containers inherit; systemd's own defaults are lower.
_DOCKER: Final = (
    ("LimitNOFILE", "RLIMIT_NOFILE", "1048576"),
    ("LimitNPROC", "RLIMIT_NPROC", "infinity"),
    ("LimitCORE", "RLIMIT_CORE", "infinity"),
)


def limit_rows(config: RuntimeConfig) -> Rows:
    """Rows of [Service] for what config.json leaves open (`ulimits`): the rest is for the runtime to set.

    The manager of an ordinary user takes the most that it may give where that is less.
    """
    stated = {limit.type for limit in config.process.rlimits}
    return [(key, value) for key, name, value in _DOCKER if name not in stated]


# Tried one by one with runc 1.1.5 and crun 1.8.1: containers start without these. A runtime cannot give its container
# what it has not got itself, so what config.json grants stays.
_UNNEEDED: Final = (
    *("CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_BLOCK_SUSPEND", "CAP_IPC_LOCK", "CAP_LEASE", "CAP_LINUX_IMMUTABLE"),
    *("CAP_MAC_OVERRIDE", "CAP_NET_BROADCAST", "CAP_SYSLOG", "CAP_SYS_BOOT", "CAP_SYS_MODULE", "CAP_SYS_PACCT"),
    *("CAP_SYS_RAWIO", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_WAKE_ALARM"),
)


def hardening_rows(config: RuntimeConfig, *, user: bool) -> Rows:
    """Rows of [Service]. A hook may need anything, and an ordinary user's service has no capability to give up."""
    granted = {name for names in (config.process.capabilities or {}).values() for name in names}
    dropped = [name for name in _UNNEEDED if name not in granted]
    if user or config.hooks or not dropped:
        dropped = []
    return (
        ("UMask", "0077"),
        ("CapabilityBoundingSet", f"~{' '.join(dropped)}" if dropped else None),
    )


# Docker waits 100 ms at first and up to a minute; a service's pause is always the same.
_PAUSE: Final = 1
_UP: Final = 10  # seconds; what ran longer has been up, says Docker, and did not fail to start
# No one waits for a start that succeeds, so a failing service is started again for ever.
_NO_LIMIT: Final = (("StartLimitIntervalSec", "0"),)


@dataclass(frozen=True, slots=True)
class Policy:
    """`unit` and `service` are rows of the sections of these names."""

    unit: Rows
    service: Rows


_ALWAYS: Final = Policy(_NO_LIMIT, (("Restart", "always"), ("RestartSec", str(_PAUSE))))
POLICIES: Final = {
    "no": Policy((), (("Restart", "no"),)),
    "always": _ALWAYS,
    # A service that was stopped stays so until the next boot; `systemctl disable` makes it stay so then, too.
    "unless-stopped": _ALWAYS,
    "on-failure": Policy(_NO_LIMIT, (("Restart", "on-failure"), ("RestartSec", str(_PAUSE)))),
}
_SPELLING: Final = re.compile(f"(on-failure):([0-9]{{1,9}})|({'|'.join(POLICIES)})")


def restart_policy(text: str | None, stop_signal: int) -> Policy:
    """The rows for `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:N`. Raises RequestError.

    A runtime ends with 128+N for a container that signal N ended. After a stop that is no failure, but if the
    container ended so by itself, it is for Docker.
    """
    match = _SPELLING.fullmatch(text or "no")
    if match is None:
        raise RequestError(f"bundler.json: restart: {printable(text or '')} is no policy")
    name, most = match[1] or match[3], match[2]
    policy = POLICIES[name]
    ended = str(128 + stop_signal)
    service: Rows = [*policy.service, ("SuccessExitStatus", ended)]
    if name == "on-failure":
        service = [*service, ("RestartForceExitStatus", ended)]
    if most and int(most):
        starts = int(most) + 1
        limit = (("StartLimitIntervalSec", str(starts * (_UP + _PAUSE))), ("StartLimitBurst", str(starts)))
        return Policy(limit, service)
    return Policy(policy.unit, service)


_DEFAULT: Final = "10s"  # Docker's
# The time counts for ExecStopPost, too, which has to come to its end; and 0 would mean to wait for ever.
_LEAST: Final = 2 * 10**9
_KERNEL_REALTIME: Final = 32
_FIRST_REALTIME: Final = 34  # glibc's and Docker's: the first two are a C library's own
_LAST: Final = 64
_SIGNAL: Final = re.compile(r"(?:SIG)?(?:(?P<name>[A-Z][A-Z0-9]*)(?P<offset>[+-][0-9]{1,2})?|(?P<number>[0-9]{1,3}))")
# `runc run` in the foreground hands every signal on to the container's init but these: SIGWINCH is about its own
# terminal, SIGURG is used by Go itself, SIGCHLD tells of children, and the last two cannot be caught.
_KEPT: Final = (signal.SIGWINCH, signal.SIGURG, signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP)


def signal_number(text: str) -> int | None:
    """The signal of `SIGTERM`, `term`, `15` or `RTMIN+3`, as Docker spells them; None for one that there is not."""
    match = _SIGNAL.fullmatch(text.upper())
    if match is None:
        return None
    if match["number"]:
        number = int(match["number"])
    else:
        named = {"RTMIN": _FIRST_REALTIME, "RTMAX": _LAST} | {item.name[3:]: int(item) for item in signal.Signals}
        named |= {"CLD": named["CHLD"], "POLL": named["IO"], "IOT": named["ABRT"]}
        if match["name"] not in named or (match["offset"] and not match["name"].startswith("RTM")):
            return None
        number = named[match["name"]] + int(match["offset"] or 0)
    return number if 0 < number < _KERNEL_REALTIME or _FIRST_REALTIME <= number <= _LAST else None


def signal_name(number: int) -> str:
    """The name that systemd knows it by."""
    if number < _FIRST_REALTIME:
        return signal.Signals(number).name
    return f"SIGRTMIN+{number - _FIRST_REALTIME}"


def stopping(stop_signal: str | None, grace: str | None) -> tuple[int, int, tuple[str, ...]]:
    """The number of the signal, the nanoseconds that a container gets to end, and what is to be told. Raises
    RequestError for a time that is none.
    """
    number = signal_number(stop_signal) if stop_signal else signal.SIGTERM.value
    remarks: tuple[str, ...] = ()
    if number is None:  # as dockerd does
        number = signal.SIGTERM.value
        remarks = (f"stop_signal: {printable((stop_signal or '')[:40])} is no signal; the container is sent SIGTERM",)
    try:
        nanoseconds = max(_LEAST, parse_duration(grace or _DEFAULT))
    except ValueError as error:
        raise RequestError(f"bundler.json: stop_grace_period: {printable(str(error))}") from None
    return number, nanoseconds, remarks


def stop_rows(placing: Placing, stop_signal: str | None, grace: str | None) -> tuple[Rows, int, tuple[str, ...]]:
    """Rows of [Service], the signal's number, and what is to be told. Raises RequestError for a time that is none.

    Only the runtime gets the signal (KillMode=mixed) and hands it on to the container's init, as `docker stop` would
    send it; workers of that init do not. One that the runtime keeps to itself is sent by `kill`, and the one that
    systemd then sends all the same does nothing. What is left after the time is killed by `delete --force`.
    """
    number, nanoseconds, remarks = stopping(stop_signal, grace)
    kept = number in _KEPT
    return (
        (
            ("ExecStop", command_line(placing.call("kill", placing.name, str(number))) if kept else None),
            ("KillMode", "mixed"),
            ("KillSignal", "SIGCONT" if kept else signal_name(number)),
            ("TimeoutStopSec", time_span(nanoseconds)),
        ),
        number,
        remarks,
    )
