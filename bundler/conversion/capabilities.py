"""Linux capabilities: Docker's way from defaults, cap_add and cap_drop to the sets of a process."""

import difflib
from typing import Final

from bundler.conversion.givens import Givens
from bundler.conversion.part import ABSENT, Part
from bundler.origins import UNSET, Origin, beating
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


KINDS: Final = ("bounding", "effective", "inheritable", "permitted", "ambient")
_DOCKERS: Final = ("bounding", "effective", "permitted")


def bounding(givens: Givens) -> dict[str, Origin]:
    """The capabilities a container may ever hold, each with who granted it."""
    return _set(givens, "bounding")


def _set(givens: Givens, kind: str) -> dict[str, Origin]:
    """One set: as `capabilities` gives it, else Docker's three alike or empty; `ambient_caps` are in each."""
    given = givens.overrides.get("capabilities")
    below = _by_docker(givens) if kind in _DOCKERS else {}
    if given is not UNSET and kind in given.entries():
        chosen = {name: node.origin for node in given.entries()[kind].items() for name in _named(node)}
        below = {name: beating(origin, below.get(name)) for name, origin in chosen.items()}
    ambient = {name: node.origin for node in givens.overrides.items("ambient_caps") for name in _named(node)}
    return below | {name: origin for name, origin in ambient.items() if name not in below}


def _named(node: Node) -> tuple[str, ...]:
    name = _known(node)
    return NAMES if name == "ALL" else (name,)


def _by_docker(givens: Givens) -> dict[str, Origin]:
    """The fourteen of the profile after `privileged`, `cap_add` and `cap_drop`.

    Docker's precedence: privileged, then `ALL` added (less what is dropped by name), then `ALL` dropped (leaving
    exactly what is added), then defaults less drops plus adds. One that is both added and dropped is added.
    """
    overrides = givens.overrides
    defaults = {str(item.value): item.origin for item in givens.profile.items("/process/capabilities")}
    added = {_known(node): node.origin for node in overrides.items("cap_add")}
    dropped = {_known(node) for node in overrides.items("cap_drop")}
    if overrides.is_true("privileged"):
        privileged = overrides.entries["privileged"]
        return {name: beating(privileged.origin, defaults.get(name)) for name in NAMES}
    if "ALL" in added:
        return {name: beating(added["ALL"], defaults.get(name)) for name in NAMES if name not in dropped}
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
    sets = {kind: _set(givens, kind) for kind in KINDS}
    _check_subsets(givens, sets)
    default, given = givens.profile.get("/process/capabilities"), givens.overrides.get("capabilities")
    if default is UNSET and given is UNSET and not any(sets.values()):
        return ABSENT
    deciders = (node.origin for node in givens.overrides.items("cap_drop"))
    fallback = default.origin if default is not UNSET else given.origin if given is not UNSET else None
    origins = {f"/{kind}/{index}": by for kind, held in sets.items() for index, by in enumerate(held.values())}
    if not origins:
        decider = next(deciders, None)
        fallback = fallback if decider is None else beating(decider, fallback)
    value = {kind: list(held) for kind, held in sets.items() if held}
    whole_origin = fallback or next(iter(origins.values()))
    return Part(value, {"": whole_origin} | origins)


def _check_subsets(givens: Givens, sets: dict[str, dict[str, Origin]]) -> None:
    """What capset(2) and prctl(2) refuse, so that no container starts with it: effective beyond permitted, ambient
    beyond permitted or inheritable. Only sets that somebody chose can be wrong.
    """
    given = givens.overrides.get("capabilities")
    for kind, within in (("effective", "permitted"), ("ambient", "permitted"), ("ambient", "inheritable")):
        beyond = [name for name in sets[kind] if name not in sets[within]]
        if beyond and given is not UNSET:
            raise given.error(f"capabilities: {beyond[0]} is in {kind}, but not in {within}")
