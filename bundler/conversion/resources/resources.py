"""`/linux/resources` but for devices, memory and processors (config-linux.md, control groups)."""

from typing import Final

from bundler.conversion.inputs import Givens
from bundler.conversion.rule_result import ABSENT, Part, array, table, whole
from bundler.origins import UNSET, Json, Sourced
from bundler.overrides.node import Node

# The lists of /linux/resources/blockIO, in the runtime-spec's order, and the keys of compose.
_THROTTLES: Final = {
    "throttleReadBpsDevice": "device_read_bps",
    "throttleWriteBpsDevice": "device_write_bps",
    "throttleReadIOPSDevice": "device_read_iops",
    "throttleWriteIOPSDevice": "device_write_iops",
}


def pids(givens: Givens) -> Part:
    """`pids_limit`; Docker writes nothing for 0 and -1, which is no limit."""
    node = givens.overrides.get("pids_limit")
    if node is UNSET or node.value in (0, -1):
        return ABSENT
    return whole({"limit": node.value}, node.origin)


def block_io(givens: Givens) -> Part:
    """`blkio_config` (config-linux.md, block IO); a weight of 0 is not set, as to Docker."""
    node = givens.overrides.get("blkio_config")
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


def huge_pages(givens: Givens) -> Part:
    """`hugepages`, sorted by page size as text (config-linux.md, huge page limits)."""
    node = givens.overrides.get("hugepages")
    entries = {} if node is UNSET else node.entries()
    return array(
        Sourced({"pageSize": page, "limit": limit.value}, limit.origin) for page, limit in sorted(entries.items())
    )


def network(givens: Givens) -> Part:
    """`net_cls` (config-linux.md, network), which only control groups v1 have."""
    node = givens.overrides.get("net_cls")
    if node is UNSET or not node.entries():
        return ABSENT
    if givens.target.cgroup != "v1":
        return Part(UNSET, warnings=(f"{node.origin.where}: net_cls: only control groups v1 have it; left out",))
    entries = node.entries()
    members: dict[str, Sourced[Json]] = {}
    if "class_id" in entries:
        members["classID"] = Sourced(entries["class_id"].value, entries["class_id"].origin)
    if "priorities" in entries:
        priorities = sorted(entries["priorities"].entries().items())
        listed = [{"name": name, "priority": priority.value} for name, priority in priorities]
        members["priorities"] = Sourced(listed, entries["priorities"].origin)
    return table(members)


def rdma(givens: Givens) -> Part:
    """`rdma` (config-linux.md, RDMA)."""
    node = givens.overrides.get("rdma")
    names = {"hca_handles": "hcaHandles", "hca_objects": "hcaObjects"}
    entries = {} if node is UNSET else node.entries()
    return table(
        {
            device: Sourced({names[key]: limit.value for key, limit in limits.entries().items()}, limits.origin)
            for device, limits in sorted(entries.items())
        }
    )


def unified(givens: Givens) -> Part:
    """`unified` (config-linux.md, unified): files of cgroup v2. A runtime on v1 refuses to start with any."""
    node = givens.overrides.get("unified")
    if node is UNSET or not node.entries():
        return ABSENT
    if givens.target.cgroup == "v1":
        raise node.error("unified: control groups v1 have no such files", hint="target: {cgroup: v2} if it has v2")
    return table({name: Sourced(value.text(), value.origin) for name, value in sorted(node.entries().items())})
