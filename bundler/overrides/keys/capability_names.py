"""Linux's capabilities, which overrides files name in any case, with or without CAP_ in front."""

import difflib
from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node

# capabilities(7) in the order of their numbers, 0 to 40: all that Linux has had since 5.9.
NAMES: Final = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID"),
    *("CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST"),
    *("CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"),
    *("CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE"),
    *("CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE"),
    *("CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM"),
    *("CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"),
)
ALL: Final = "ALL"


def list_capabilities(node: Node) -> Node:
    """Capability names in capitals with CAP_ in front; `ALL` stays a word of its own. Raises RequestError."""
    return node.with_value(tuple(item.with_value(_capability(item)) for item in node.items()))


def _capability(node: Node) -> str:
    upper = node.text().upper()
    name = upper if upper == ALL or upper.startswith("CAP_") else f"CAP_{upper}"
    if name != ALL and name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else "capabilities(7) lists them"
        raise node.error(f"{printable(name[:60])} is not a capability of Linux", hint=hint)
    return name
