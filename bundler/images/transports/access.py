"""How images that are not in a file may be reached."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


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
