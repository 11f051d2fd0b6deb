"""Docker's restart policies in systemd's words, one row each."""

import re
from dataclasses import dataclass
from typing import Final

from bundler.errors import RequestError, printable
from bundler.units.text import Rows

# Docker waits 100 ms at first and up to a minute; a service's pause is always the same.
_PAUSE: Final = 1
_UP: Final = 10  # seconds; what ran longer has been up, says Docker, and did not fail to start
# Nobody waits for a start that succeeds, so a failing service is started again for ever.
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
