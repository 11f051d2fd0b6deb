"""What the service itself gives up: only what neither runtime nor container can miss.

Whatever else systemd offers would reach the container. A mount namespace of the service's own (ProtectSystem,
ProtectHome, PrivateTmp ...) would hide what is mounted into it; system call filters (RestrictNamespaces,
LockPersonality, SystemCallFilter ...) and NoNewPrivileges are inherited; and namespaces are the runtime's to make.
"""

from typing import Final

from bundler.origins import Json
from bundler.units.text import Rows

# Tried one by one with runc 1.1.5 and crun 1.8.1: containers start without these. A runtime cannot give its container
# what it has not got itself, so what config.json grants stays.
_UNNEEDED: Final = (
    *("CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_BLOCK_SUSPEND", "CAP_IPC_LOCK", "CAP_LEASE", "CAP_LINUX_IMMUTABLE"),
    *("CAP_MAC_OVERRIDE", "CAP_NET_BROADCAST", "CAP_SYSLOG", "CAP_SYS_BOOT", "CAP_SYS_MODULE", "CAP_SYS_PACCT"),
    *("CAP_SYS_RAWIO", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_WAKE_ALARM"),
)


def hardening_rows(document: dict[str, Json], *, user: bool) -> Rows:
    """Rows of [Service]. A hook may need anything, and an ordinary user's service has no capability to give up."""
    sets = document.get("process", {}).get("capabilities") or {}
    granted = {name for names in sets.values() for name in names}
    dropped = [name for name in _UNNEEDED if name not in granted]
    if user or any(document.get("hooks", {}).values()) or not dropped:
        dropped = []
    return (
        ("UMask", "0077"),
        ("CapabilityBoundingSet", f"~{' '.join(dropped)}" if dropped else None),
    )
