"""How the kernel schedules the process: processor, I/O and what is executed later (runtime-spec config.md, process)."""

from typing import Final

from bundler.conversion.rule import ABSENT, Inputs, RuleResult, table
from bundler.origins import UNSET, Sourced

_MEMBERS: Final = ("policy", "nice", "priority", "flags", "runtime", "deadline", "period")
_REAL_TIME: Final = ("SCHED_FIFO", "SCHED_RR")


def scheduler(inputs: Inputs) -> RuleResult:
    """`/process/scheduler` (config.md, Linux process): members that are given; policy is required.

    The kernel (sched_setattr(2)) refuses a priority without a real-time policy, and times without SCHED_DEADLINE.
    """
    node = inputs.overrides.get("scheduler")
    entries = {} if node is UNSET else node.entries()
    if node is UNSET or not entries:
        return ABSENT
    if "policy" not in entries:
        raise node.error("scheduler: policy is missing", hint="for example policy: batch")
    policy = entries["policy"].text()
    if entries.get("priority") and entries["priority"].value and policy not in _REAL_TIME:
        raise entries["priority"].error(f"scheduler: priority is for {' and '.join(_REAL_TIME)}, not for {policy}")
    for name in ("runtime", "deadline", "period"):
        if name in entries and policy != "SCHED_DEADLINE":
            raise entries[name].error(f"scheduler: {name} is for SCHED_DEADLINE, not for {policy}")
    return table({name: Sourced(entries[name].plain(), entries[name].origin) for name in _MEMBERS if name in entries})
