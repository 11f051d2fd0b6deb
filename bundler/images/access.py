"""How images that are not in a file may be reached."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What skopeo is told beside its own files (auth.json, registries.conf, policy.json, certs.d), which rule.

    `tls_verify` is None to leave that to registries.conf. `offline` forbids every transport that uses the network.
    """

    authfile: Path | None = None
    policy: Path | None = None
    tls_verify: bool | None = None
    offline: bool = False
