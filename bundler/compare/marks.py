"""What a difference means for security: the table of places where one value is looser than another, and why.

Looser: what runs in the container can do, see or use up more of the machine. What no row is about is neutral.
"""

from collections.abc import Callable
from typing import Final, Literal

from bundler.conversion.annotations import reason as reason_to_act
from bundler.origins import UNSET, Json
from bundler.runtime_spec.list_identity import Place, matches

Mark = Literal["looser", "tighter", "neutral"]
Judge = Callable[[Json, Json], float]  # two values, UNSET where absent → above 0 looser, below 0 tighter

_CLASSES: Final = {"ALLOW": 2, "LOG": 2, "TRACE": 1, "NOTIFY": 1}
_PROTECTING: Final = frozenset(("ro", "rro", "nosuid", "nodev", "noexec", "nosymfollow"))
_EXPOSING: Final = frozenset(("rw", "suid", "dev", "exec", "shared", "rshared", "slave", "rslave"))
_SHARING: Final = {"shared": 2, "rshared": 2, "slave": 1, "rslave": 1}


def _by_weight(weight: Callable[[Json], float]) -> Judge:
    """A judge for values that can be weighed: the heavier, the looser."""
    return lambda before, after: weight(after) - weight(before)


_granted = _by_weight(lambda value: 0 if value is UNSET else 1)
_protection = _by_weight(lambda value: 1 if value is UNSET else 0)
_switch_on = _by_weight(lambda value: 1 if value is True else 0)
_switch_off = _by_weight(lambda value: 0 if value is True else 1)
_root = _by_weight(lambda value: 1 if value in (UNSET, 0) else 0)
_confinement = _by_weight(lambda value: 1 if value in (UNSET, "", "unconfined") else 0)
_limit = _by_weight(lambda value: float("1e30") if value is UNSET or value < 0 else value)
_access = _by_weight(lambda value: 0 if value is UNSET else len(value))
_sharing = _by_weight(lambda value: _SHARING.get(str(value), 0))
_option = _by_weight(lambda value: -1 if value in _PROTECTING else 1 if value in _EXPOSING else 0)
_spared = _by_weight(lambda value: 0 if value is UNSET else -value)
_machines_files = _by_weight(
    lambda value: 1 if value is not UNSET and _binds(value) and str(value.get("source", "")).startswith("/") else 0
)
_machines_root = _by_weight(lambda value: 1 if value is not UNSET and value["hostID"] == 0 else 0)
_action = _by_weight(lambda value: _CLASSES.get(str(value).partition(" ")[0], 0))


def _binds(mount: Json) -> bool:
    return bool({"bind", "rbind"} & set(mount.get("options") or ()))


def _hooks(before: Json, after: Json) -> float:
    """Fewer programs are fewer; other programs cannot be weighed."""
    return _programs(after) - _programs(before)


def _programs(hooks: Json) -> int:
    """What stands under a name that is no kind of hook can be anything; a runtime starts none of it."""
    return len(hooks) if isinstance(hooks, list) else 0


# The first row whose pattern fits decides.
RULES: Final[tuple[tuple[str, Judge, str], ...]] = (
    ("/process/user/uid", _root, "root may do most, even with few capabilities"),
    ("/process/user/gid", _root, "files of the machine's group root"),
    ("/process/user/additionalGids[*]", _granted, "a group's files"),
    ("/process/capabilities", _protection, "without capabilities written, a runtime leaves its own"),
    ("/process/capabilities/*[*]", _granted, "a privilege of root"),
    ("/process/noNewPrivileges", _switch_off, "setuid files give no privileges"),
    ("/process/apparmorProfile", _confinement, "confined by AppArmor"),
    ("/process/selinuxLabel", _confinement, "confined by SELinux"),
    ("/process/rlimits[*]", _protection, "a limit"),
    ("/process/rlimits[*]/soft", _limit, "a limit"),
    ("/process/rlimits[*]/hard", _limit, "a limit"),
    ("/process/oomScoreAdj", _spared, "who is spared when memory is short"),
    ("/root/readonly", _switch_off, "files of the rootfs cannot be changed"),
    ("/mounts[*]", _machines_files, "files of the machine"),
    ("/mounts[*]/options[*]", _option, "what a mount allows"),
    ("/hooks/*", _hooks, "programs that run outside of the container"),
    ("/annotations/*", _granted, "what a runtime acts on"),
    ("/linux/namespaces[*]", _protection, "a part of the machine that is not shared"),
    ("/linux/namespaces[*]/path", _granted, "shares what others are in"),
    ("/linux/uidMappings[*]", _machines_root, "an id that is root outside"),
    ("/linux/gidMappings[*]", _machines_root, "an id that is root outside"),
    ("/linux/devices[*]", _granted, "a device"),
    ("/linux/netDevices/*", _granted, "a network device of the machine"),
    ("/linux/maskedPaths[*]", _protection, "what it tells or changes of the machine is hidden"),
    ("/linux/readonlyPaths[*]", _protection, "what it changes of the machine cannot be written"),
    ("/linux/rootfsPropagation", _sharing, "mounts that pass between container and machine"),
    ("/linux/mountLabel", _confinement, "files labelled for SELinux"),
    ("/linux/seccomp", _protection, "system calls are filtered"),
    ("/linux/seccomp/architectures[*]", _granted, "programs of another kind of processor"),
    ("/linux/seccomp/flags[SECCOMP_FILTER_FLAG_SPEC_ALLOW]", _granted, "speculation stays possible"),
    ("/linux/seccomp[*]", _action, "a system call"),
    ("/linux/resources/devices[*]", _access, "use of a device"),
    ("/linux/resources/memory/disableOOMKiller", _switch_on, "who is spared when memory is short"),
    ("/linux/resources/memory/limit", _limit, "a limit"),
    ("/linux/resources/memory/swap", _limit, "a limit"),
    ("/linux/resources/memory/kernel", _limit, "a limit"),
    ("/linux/resources/memory/kernelTCP", _limit, "a limit"),
    ("/linux/resources/cpu/quota", _limit, "a limit"),
    ("/linux/resources/cpu/realtimeRuntime", _granted, "may take all of a processor"),
    ("/linux/resources/pids/limit", _limit, "a limit"),
    ("/linux/resources/hugepageLimits[*]", _protection, "a limit"),
    ("/linux/resources/hugepageLimits[*]/limit", _limit, "a limit"),
    *(
        row
        for kind in ("ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS")
        for row in (
            (f"/linux/resources/blockIO/throttle{kind}Device[*]", _protection, "a limit"),
            (f"/linux/resources/blockIO/throttle{kind}Device[*]/rate", _limit, "a limit"),
        )
    ),
)


def judge(place: Place, before: Json, after: Json) -> tuple[Mark, str]:
    """What the change at `place` means, and the reason; neutral ones have none."""
    for pattern, weigh, reason in RULES:
        if matches(pattern, place):
            if pattern == "/annotations/*" and reason_to_act(place[-1][1:]) is None:
                break
            weight = weigh(before, after)
            if weight:
                return ("looser" if weight > 0 else "tighter"), reason
            break
    return "neutral", ""
