"""Linux capabilities: Docker's way from defaults, cap_add and cap_drop to the sets of a process."""

import difflib
from typing import Final

from bundler.conversion.givens import Givens
from bundler.conversion.part import ABSENT, Part
from bundler.origins import UNSET, Origin
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


def bounding(givens: Givens) -> dict[str, Origin]:
    """The capabilities a container may ever hold, each with who granted it.

    Docker's precedence: privileged, then `ALL` added (less what is dropped by name), then `ALL` dropped (leaving
    exactly what is added), then defaults less drops plus adds. One that is both added and dropped is added.
    """
    overrides = givens.overrides
    if overrides.is_true("privileged"):
        privileged = overrides.entries["privileged"]
        return dict.fromkeys(NAMES, privileged.origin)
    added = {_known(node): node.origin for node in overrides.items("cap_add")}
    dropped = {_known(node) for node in overrides.items("cap_drop")}
    if "ALL" in added:
        return {name: added["ALL"] for name in NAMES if name not in dropped}
    defaults = {str(item.value): item.origin for item in givens.profile.items("/process/capabilities")}
    kept = {name: origin for name, origin in defaults.items() if not dropped & {name, "ALL"}}
    return kept | {name: added[name] for name in sorted(added, key=NAMES.index) if name not in kept}


def _known(node: Node) -> str:
    name = node.text()
    if name != "ALL" and name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else "capabilities(7) lists them"
        raise node.error(f"{name} is not a capability of Linux", hint=hint)
    return name


def capabilities(givens: Givens) -> Part:
    """`/process/capabilities` (runtime-spec config.md, linux-process).

    Docker fills bounding, effective and permitted alike, whatever the user is, and leaves inheritable and ambient out.
    Dropping everything gives an empty object: an absent one would leave the runtime's own capabilities.
    """
    held = bounding(givens)
    default = givens.profile.get("/process/capabilities")
    if default is UNSET and not held:
        return ABSENT
    origin = default.origin if default is not UNSET else next(iter(held.values()))
    if not held:
        dropped = next((node for node in givens.overrides.items("cap_drop")), None)
        return Part({}, {"": dropped.origin if dropped else origin})
    sets = ("bounding", "effective", "permitted")
    origins = {f"/{name}/{index}": by for name in sets for index, by in enumerate(held.values())}
    return Part({name: list(held) for name in sets}, {"": origin} | origins)
