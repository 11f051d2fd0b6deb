"""`/linux/resources` but for devices (config-linux.md, control groups): memory, processors, I/O, and what else."""

from typing import Final

from bundler.conversion.rule import ABSENT, Inputs, RuleResult, array, table, whole
from bundler.origins import UNSET, Json, Origin, Sourced, beating
from bundler.overrides.keys.limits import LEAST_MEMORY
from bundler.overrides.keys.scalars import MAXIMUM
from bundler.overrides.node import Node
from bundler.sizes import readable_size

_FURTHER: Final = {
    "kernel": "kernel",
    "kernel_tcp": "kernelTCP",
    "use_hierarchy": "useHierarchy",
    "check_before_update": "checkBeforeUpdate",
}
_OF_V1: Final = ("kernel", "kernel_tcp", "use_hierarchy")


def memory(inputs: Inputs) -> RuleResult:
    """`mem_limit` and its family, with what dockerd 28 refuses, adds and drops.

    A limit without `memswap_limit` allows as much swap again; the runtime-spec counts both together. Swappiness and
    the OOM killer cannot be set on cgroup v2: dockerd drops them with a warning. On v1 it always writes
    disableOOMKiller. Zero is "not set" to Docker.
    """
    limit, reservation, swap = (_size(inputs, key) for key in ("mem_limit", "mem_reservation", "memswap_limit"))
    _check(limit, reservation, swap)
    found: dict[str, Sourced[Json]] = {}
    if limit:
        found["limit"] = Sourced(limit.value, limit.origin)
    if reservation:
        found["reservation"] = Sourced(reservation.value, reservation.origin)
    if limit and not swap:
        doubled = Origin("bundler", f"twice mem_limit ({limit.origin.where})")
        found["swap"] = Sourced(min(2 * _number(limit), MAXIMUM), doubled)
    elif swap and swap.value != -1:
        found["swap"] = Sourced(swap.value, swap.origin)
    dropped = _add_further(inputs, found) + _add_of_v1(inputs, found)
    if not found:
        return RuleResult(UNSET, warnings=dropped) if dropped else ABSENT
    values = {name: item.value for name, item in found.items()}
    return RuleResult(values, {f"/{name}": item.origin for name, item in found.items()}, dropped)


def _size(inputs: Inputs, key: str) -> Node | None:
    """A size that is set; dockerd takes 0, and -1 where it means no limit, for not being set."""
    node = inputs.overrides.get(key)
    if node is UNSET or node.value == 0:
        return None
    if key != "memswap_limit" and node.value == -1:
        return None
    return node


def _number(node: Node) -> int:
    if not isinstance(node.value, int):
        raise TypeError(f"{node.origin.where} is not a number")
    return node.value


def _check(limit: Node | None, reservation: Node | None, swap: Node | None) -> None:
    least = readable_size(LEAST_MEMORY)
    if limit and _number(limit) < LEAST_MEMORY:
        few = readable_size(_number(limit))
        raise limit.error(f"mem_limit: {few} are less than the {least} that a container needs to start")
    if reservation and _number(reservation) < LEAST_MEMORY:
        few = readable_size(_number(reservation))
        raise reservation.error(f"mem_reservation: {few} are less than {least}")
    if limit and reservation and _number(limit) < _number(reservation):
        raise reservation.error("mem_reservation: more than mem_limit")
    if swap and _number(swap) > 0:
        if not limit:
            raise swap.error("memswap_limit: needs mem_limit, since it counts memory and swap together")
        if _number(swap) < _number(limit):
            raise swap.error("memswap_limit: less than mem_limit, which it includes")


def _add_further(inputs: Inputs, found: dict[str, Sourced[Json]]) -> tuple[str, ...]:
    node = inputs.overrides.get("memory")
    entries = {} if node is UNSET else node.entries()
    dropped = []
    for key, name in _FURTHER.items():
        if key not in entries:
            continue
        if key in _OF_V1 and inputs.target.cgroup != "v1":
            dropped.append(_only_v1(entries[key], f"memory.{key}"))
        else:
            found[name] = Sourced(entries[key].value, entries[key].origin)
    return tuple(dropped)


def _add_of_v1(inputs: Inputs, found: dict[str, Sourced[Json]]) -> tuple[str, ...]:
    swappiness, killer = inputs.overrides.get("mem_swappiness"), inputs.overrides.get("oom_kill_disable")
    set_swappiness = None if swappiness is UNSET or swappiness.value == -1 else swappiness
    if inputs.target.cgroup != "v1":
        asked = [(set_swappiness, "mem_swappiness")]
        asked.append((None if killer is UNSET or killer.value is False else killer, "oom_kill_disable"))
        return tuple(_only_v1(node, key) for node, key in asked if node is not None)
    if set_swappiness:
        found["swappiness"] = Sourced(set_swappiness.value, set_swappiness.origin)
    default = inputs.profile.get("/linux/resources/memory/disableOOMKiller")
    below = None if default is UNSET else default.origin
    if killer is not UNSET:
        found["disableOOMKiller"] = Sourced(killer.value, beating(killer.origin, below))
        if killer.value is True and "limit" not in found:
            return (
                f"{killer.origin.where}: oom_kill_disable: without mem_limit the whole machine may run out of memory",
            )
    elif default is not UNSET:
        found["disableOOMKiller"] = Sourced(default.value, default.origin)
    return ()


def _only_v1(node: Node, key: str) -> str:
    return f"{node.origin.where}: {key}: only control groups v1 have it; left out for a target with v2"


_PERIOD: Final = 100_000  # microseconds; what dockerd makes of --cpus

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


def cpu(inputs: Inputs) -> RuleResult:
    """`cpus` as a share of each tenth of a second, and the kernel's own settings by name.

    As dockerd 28: 0 and empty text are not set; `cpus` excludes quota and period. Real-time limits are for cgroup v1,
    and left out with a warning elsewhere.
    """
    nodes = {name: node for name, key in _MEMBERS.items() if (node := _given(inputs, key)) is not None}
    _check_cpu(nodes)
    values: dict[str, Json] = {name: node.value for name, node in nodes.items()}
    origins: dict[str, Origin] = {f"/{name}": node.origin for name, node in nodes.items()}
    share = _given(inputs, "cpus")
    if share is not None:
        for name in ("quota", "period"):
            if name in nodes:
                raise nodes[name].error(f"{_MEMBERS[name]}: conflicts with cpus, which is quota and period together")
        values |= {"quota": share.value, "period": _PERIOD}
        origins |= {"/quota": share.origin, "/period": share.origin}
    warnings = []
    for name in _REAL_TIME if inputs.target.cgroup != "v1" else ():
        if name in nodes:
            warnings.append(f"{nodes[name].origin.where}: {_MEMBERS[name]}: only control groups v1 have it; left out")
            del values[name], origins[f"/{name}"]
    ordered = {name: values[name] for name in _MEMBERS if name in values}
    if not ordered:
        return RuleResult(UNSET, warnings=tuple(warnings)) if warnings else ABSENT
    return RuleResult(ordered, origins, tuple(warnings))


def _given(inputs: Inputs, key: str) -> Node | None:
    """A setting that is set: dockerd takes 0 and empty text for not being set, but idle has a 0 of its own."""
    node = inputs.overrides.get(key)
    return None if node is UNSET or (node.value in (0, "") and key != "cpu_idle") else node


def _check_cpu(nodes: dict[str, Node]) -> None:
    numbers = {name: node.value for name, node in nodes.items() if isinstance(node.value, int)}
    if "realtimeRuntime" in numbers and numbers["realtimeRuntime"] > numbers.get("realtimePeriod", 1_000_000):
        raise nodes["realtimeRuntime"].error("cpu_rt_runtime: more than cpu_rt_period")
    if "burst" in numbers and 0 < numbers.get("quota", 0) < numbers["burst"]:
        raise nodes["burst"].error("cpu_burst: more than cpu_quota, which the kernel refuses")


# The lists of /linux/resources/blockIO, in the runtime-spec's order, and the keys of compose.
_THROTTLES: Final = {
    "throttleReadBpsDevice": "device_read_bps",
    "throttleWriteBpsDevice": "device_write_bps",
    "throttleReadIOPSDevice": "device_read_iops",
    "throttleWriteIOPSDevice": "device_write_iops",
}


def pids(inputs: Inputs) -> RuleResult:
    """`pids_limit`; Docker writes nothing for 0 and -1, which is no limit."""
    node = inputs.overrides.get("pids_limit")
    if node is UNSET or node.value in (0, -1):
        return ABSENT
    return whole({"limit": node.value}, node.origin)


def block_io(inputs: Inputs) -> RuleResult:
    """`blkio_config` (config-linux.md, block IO); a weight of 0 is not set, as to Docker."""
    node = inputs.overrides.get("blkio_config")
    entries = {} if node is UNSET else node.entries()
    members: dict[str, Sourced[Json]] = {}
    for name, key in (("weight", "weight"), ("leafWeight", "leaf_weight")):
        if key in entries and entries[key].value:
            members[name] = Sourced(entries[key].value, entries[key].origin)
    lists = {"weightDevice": "weight_device"} | _THROTTLES
    for name, key in lists.items():
        if key in entries and entries[key].items():
            members[name] = Sourced([_device(device) for device in entries[key].items()], entries[key].origin)
    return table(members)


def _device(node: Node) -> dict[str, Json]:
    entries = node.entries()
    major, _, minor = entries["device"].text().partition(":")
    named = {"weight": "weight", "leaf_weight": "leafWeight", "rate": "rate"}
    limits = {name: entries[key].value for key, name in named.items() if key in entries}
    return {"major": int(major), "minor": int(minor)} | limits


def huge_pages(inputs: Inputs) -> RuleResult:
    """`hugepages`, sorted by page size as text (config-linux.md, huge page limits)."""
    node = inputs.overrides.get("hugepages")
    entries = {} if node is UNSET else node.entries()
    return array(
        Sourced({"pageSize": page, "limit": limit.value}, limit.origin) for page, limit in sorted(entries.items())
    )


def network(inputs: Inputs) -> RuleResult:
    """`net_cls` (config-linux.md, network), which only control groups v1 have."""
    node = inputs.overrides.get("net_cls")
    if node is UNSET or not node.entries():
        return ABSENT
    if inputs.target.cgroup != "v1":
        return RuleResult(UNSET, warnings=(f"{node.origin.where}: net_cls: only control groups v1 have it; left out",))
    entries = node.entries()
    members: dict[str, Sourced[Json]] = {}
    if "class_id" in entries:
        members["classID"] = Sourced(entries["class_id"].value, entries["class_id"].origin)
    if "priorities" in entries:
        priorities = sorted(entries["priorities"].entries().items())
        listed = [{"name": name, "priority": priority.value} for name, priority in priorities]
        members["priorities"] = Sourced(listed, entries["priorities"].origin)
    return table(members)


def rdma(inputs: Inputs) -> RuleResult:
    """`rdma` (config-linux.md, RDMA)."""
    node = inputs.overrides.get("rdma")
    names = {"hca_handles": "hcaHandles", "hca_objects": "hcaObjects"}
    entries = {} if node is UNSET else node.entries()
    return table(
        {
            device: Sourced({names[key]: limit.value for key, limit in limits.entries().items()}, limits.origin)
            for device, limits in sorted(entries.items())
        }
    )


def unified(inputs: Inputs) -> RuleResult:
    """`unified` (config-linux.md, unified): files of cgroup v2. A runtime on v1 refuses to start with any."""
    node = inputs.overrides.get("unified")
    if node is UNSET or not node.entries():
        return ABSENT
    if inputs.target.cgroup == "v1":
        raise node.error("unified: control groups v1 have no such files", hint="target: {cgroup: v2} if it has v2")
    return table({name: Sourced(value.text(), value.origin) for name, value in sorted(node.entries().items())})
