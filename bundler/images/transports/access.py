"""How images that are not in a file may be reached, how long a registry is waited for, how often it is asked again.

skopeo has `--retry-times`, which is not used: it says neither what failed nor which try it was before the last has
failed, and what counts as passing there differs between its versions. It asks again by itself, up to five times, where
the registry wants fewer requests (429); so that is final here.
"""

import time
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Final, TypeVar

from bundler.errors import ToolError, printable
from bundler.light_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What skopeo is told beside its own files (auth.json, registries.conf, policy.json, certs.d), which rule.

    `tls_verify` is None to leave that to registries.conf. `offline` forbids every transport that uses the network.
    What may pass is tried again `retries` times, and a registry is given up that has said nothing for `timeout`
    seconds; `report` gets a sentence about each.
    """

    authfile: Path | None = None
    policy: Path | None = None
    tls_verify: bool | None = None
    offline: bool = False
    retries: int = 3
    timeout: int = 120
    report: Callable[[str], None] = field(default=lambda _sentence: None, compare=False, repr=False)


_TOLD_AFTER: Final = 10  # seconds
_FIRST_PAUSE: Final = 1.0  # seconds; doubled each time
_LONGEST_PAUSE: Final = 30.0
T = TypeVar("T")


class PassingError(ToolError):
    """What may be over a moment later: a connection that broke off, a registry that has itself failed."""


def persist(access: Access, ask: Callable[[], T]) -> T:
    """What `ask` gives; asked again after each PassingError, until there were as many as `access` allows."""
    pause = _FIRST_PAUSE
    for count in range(access.retries):
        try:
            return ask()
        except PassingError as error:
            tries = f"try {count + 2} of {access.retries + 1}"
            access.report(f"{error.what}; {tries} in {pause:g} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    return ask()


class Silence:
    """How long nothing has come from `registry`: told once, and in the end taken for an answer."""

    def __init__(self, registry: str, access: Access) -> None:
        self._registry = printable(registry)
        self._access = access
        self.broken()

    def broken(self) -> None:
        """Something has come."""
        self._since = time.monotonic()
        self._told = False

    def check(self) -> None:
        """Raises ToolError when the registry is to be given up."""
        seconds = time.monotonic() - self._since
        if seconds >= self._access.timeout:
            what = f"{self._registry} has not answered for {self._access.timeout} s"
            raise ToolError(what, hint="--timeout SECONDS waits longer for it")
        if seconds >= _TOLD_AFTER and not self._told:
            self._access.report(f"{self._registry} has not answered for {_TOLD_AFTER} s")
            self._told = True
