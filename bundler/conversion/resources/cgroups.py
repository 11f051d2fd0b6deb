"""Where a container's control group is, and what else the kernel shares out (runtime-spec config-linux.md)."""

from typing import Final

from bundler.conversion.resources import cdi
from bundler.conversion.rule import ABSENT, Inputs, RuleResult, table, whole
from bundler.origins import UNSET, Json, Sourced, beating
from bundler.overrides.node import Node

_RDT: Final = {
    "clos_id": "closID",
    "schemata": "schemata",
    "l3_cache_schema": "l3CacheSchema",
    "mem_bw_schema": "memBwSchema",
    "enable_monitoring": "enableMonitoring",
}


def cgroups_path(inputs: Inputs) -> RuleResult:
    """`/linux/cgroupsPath`: `cgroup_path` as it is, or the parent and the container's name as dockerd joins them.

    With cgroupfs that is PARENT/NAME, with systemd SLICE:docker:NAME. Without either the runtime chooses. Docker's name
    is a random id; ours is `name` or the image id.
    """
    path, parent = inputs.overrides.get("cgroup_path"), inputs.overrides.get("cgroup_parent")
    if path is not UNSET:
        return whole(path.text(), beating(path.origin, None if parent is UNSET else parent.origin))
    if parent is UNSET:
        return ABSENT
    named = inputs.overrides.get("name")
    name = inputs.image_config.digest.encoded if named is UNSET else named.text()
    if inputs.target.cgroup_manager == "systemd":
        if not parent.text().endswith(".slice") or "/" in parent.text():
            raise parent.error(
                "cgroup_parent: with systemd it is the name of a slice", hint="for example cgroup_parent: web.slice"
            )
        return whole(f"{parent.text()}:docker:{name}", parent.origin)
    return whole(f"{parent.text().rstrip('/')}/{name}", parent.origin)


def intel_rdt(inputs: Inputs) -> RuleResult:
    """`/linux/intelRdt` (config-linux.md, Intel RDT): what CDI devices need, and the overrides' own over it."""
    injected = cdi.intel_rdt(inputs)
    members = (
        {} if injected is None else {name: Sourced(value, injected.origin) for name, value in injected.value.items()}
    )
    return table(members | _renamed(inputs.overrides.get("intel_rdt"), _RDT))


def memory_policy(inputs: Inputs) -> RuleResult:
    """`/linux/memoryPolicy` (config-linux.md, memory policy): mode is required."""
    node = inputs.overrides.get("memory_policy")
    members = _renamed(node, {"mode": "mode", "nodes": "nodes", "flags": "flags"})
    if not members or node is UNSET:
        return ABSENT
    if "mode" not in members:
        raise node.error("memory_policy: mode is missing")
    mode, flags = members["mode"], members.get("flags")
    members["mode"] = Sourced(_prefixed(mode.value, "MPOL_"), mode.origin)
    if flags is not None:
        members["flags"] = Sourced([_prefixed(flag, "MPOL_F_") for flag in flags.value], flags.origin)
    return table(members)


def _prefixed(name: str, prefix: str) -> str:
    return name if name.startswith(prefix) else prefix + name


def _renamed(node: "Node | object", names: dict[str, str]) -> dict[str, Sourced[Json]]:
    entries = node.entries() if isinstance(node, Node) else {}
    return {name: Sourced(entries[key].plain(), entries[key].origin) for key, name in names.items() if key in entries}
