"""`/linux/resources/cpu` (runtime-spec config-linux.md, CPU)."""

from typing import Final

from bundler.conversion.inputs import Givens
from bundler.conversion.rule_result import ABSENT, Part
from bundler.origins import UNSET, Json, Origin
from bundler.overrides.node import Node

_PERIOD: Final = 100_000  # microseconds; what dockerd makes of --cpus
_LEAST: Final = 1000  # microseconds, of quota and period alike

# The overrides key of each member, in the order of the runtime-spec's Go types, which dockerd writes.
_MEMBERS: Final = {
    "shares": "cpu_shares",
    "quota": "cpu_quota",
    "burst": "cpu_burst",
    "period": "cpu_period",
    "realtimeRuntime": "cpu_rt_runtime",
    "realtimePeriod": "cpu_rt_period",
    "cpus": "cpuset",
    "mems": "cpuset_mems",
    "idle": "cpu_idle",
}
_REAL_TIME: Final = ("realtimeRuntime", "realtimePeriod")


def cpu(givens: Givens) -> Part:
    """`cpus` as a share of each tenth of a second, and the kernel's own settings by name.

    As dockerd 28: 0 and empty text are not set; `cpus` excludes quota and period. Real-time limits are for cgroup v1,
    and left out with a warning elsewhere.
    """
    nodes = {name: node for name, key in _MEMBERS.items() if (node := _given(givens, key)) is not None}
    _check(nodes)
    values: dict[str, Json] = {name: node.value for name, node in nodes.items()}
    origins: dict[str, Origin] = {f"/{name}": node.origin for name, node in nodes.items()}
    share = _given(givens, "cpus")
    if share is not None:
        for name in ("quota", "period"):
            if name in nodes:
                raise nodes[name].error(f"{_MEMBERS[name]}: conflicts with cpus, which is quota and period together")
        values |= {"quota": share.value, "period": _PERIOD}
        origins |= {"/quota": share.origin, "/period": share.origin}
    warnings = []
    for name in _REAL_TIME if givens.target.cgroup != "v1" else ():
        if name in nodes:
            warnings.append(f"{nodes[name].origin.where}: {_MEMBERS[name]}: only control groups v1 have it; left out")
            del values[name], origins[f"/{name}"]
    ordered = {name: values[name] for name in _MEMBERS if name in values}
    if not ordered:
        return Part(UNSET, warnings=tuple(warnings)) if warnings else ABSENT
    return Part(ordered, origins, tuple(warnings))


def _given(givens: Givens, key: str) -> Node | None:
    """A setting that is set: dockerd takes 0 and empty text for not being set, but idle has a 0 of its own."""
    node = givens.overrides.get(key)
    return None if node is UNSET or (node.value in (0, "") and key != "cpu_idle") else node


def _check(nodes: dict[str, Node]) -> None:
    numbers = {name: node.value for name, node in nodes.items() if isinstance(node.value, int)}
    for name in ("quota", "period"):
        if 0 < numbers.get(name, _LEAST) < _LEAST:
            raise nodes[name].error(f"{_MEMBERS[name]}: {numbers[name]} is less than {_LEAST} microseconds")
    if "realtimeRuntime" in numbers and numbers["realtimeRuntime"] > numbers.get("realtimePeriod", 1_000_000):
        raise nodes["realtimeRuntime"].error("cpu_rt_runtime: more than cpu_rt_period")
    if "burst" in numbers and 0 < numbers.get("quota", 0) < numbers["burst"]:
        raise nodes["burst"].error("cpu_burst: more than cpu_quota, which the kernel refuses")
