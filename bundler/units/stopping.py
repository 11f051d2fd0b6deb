"""How a service ends its container: the stop signal, and how long it may take."""

import re
import signal
from typing import Final

from bundler.errors import RequestError, printable
from bundler.overrides.keys.quantities import parse_duration
from bundler.units.placing import Placing
from bundler.units.text import Rows, command_line, time_span

_DEFAULT: Final = "10s"  # Docker's
# The time counts for ExecStopPost, too, which has to come to its end; and 0 would mean to wait for ever.
_LEAST: Final = 2 * 10**9
_KERNEL_REALTIME: Final = 32
_FIRST_REALTIME: Final = 34  # glibc's and Docker's: the first two are a C library's own
_LAST: Final = 64
_SPELLING: Final = re.compile(r"(?:SIG)?(?:(?P<name>[A-Z][A-Z0-9]*)(?P<offset>[+-][0-9]{1,2})?|(?P<number>[0-9]{1,3}))")
# `runc run` in the foreground hands every signal on to the container's init but these: SIGWINCH is about its own
# terminal, SIGURG is used by Go itself, SIGCHLD tells of children, and the last two cannot be caught.
_KEPT: Final = (signal.SIGWINCH, signal.SIGURG, signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP)


def signal_number(text: str) -> int | None:
    """The signal of `SIGTERM`, `term`, `15` or `RTMIN+3`, as Docker spells them; None for one that there is not."""
    match = _SPELLING.fullmatch(text.upper())
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


def stop_rows(placing: Placing, stop_signal: str | None, grace: str | None) -> tuple[Rows, int, tuple[str, ...]]:
    """Rows of [Service], the signal's number, and what is to be told. Raises RequestError for a time that is none.

    Only the runtime gets the signal (KillMode=mixed) and hands it on to the container's init, as `docker stop` would
    send it; workers of that init do not. One that the runtime keeps to itself is sent by `kill`, and the one that
    systemd then sends all the same does nothing. What is left after the time is killed by `delete --force`.
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
