"""`/linux/uidMappings` and `/linux/gidMappings` (runtime-spec config-linux.md, user namespace mappings)."""

from typing import Final

from bundler.conversion.namespaces import mode
from bundler.conversion.process import process
from bundler.conversion.rule import ABSENT, Inputs, RuleResult, array
from bundler.errors import RequestError
from bundler.origins import UNSET, Json, Sourced
from bundler.overrides.node import Node
from bundler.runtime_spec.parts import IdMapping, machine_ids

_OTHER: Final = {"uid_map": "gid_map", "gid_map": "uid_map"}


def uid_mappings(inputs: Inputs) -> RuleResult:
    """`uid_map`, or `gid_map` where only that was given: Docker maps both alike."""
    node = _id_map(inputs, "uid_map")
    if node is None:
        return ABSENT
    user: Json = process.user(inputs).value
    _check_covered(node, "uid_map", {0, user["uid"]})
    return array(Sourced(entry.plain(), entry.origin) for entry in node.items())


def gid_mappings(inputs: Inputs) -> RuleResult:
    """`/linux/gidMappings` (config-linux.md, user namespace mappings): `gid_map`, or `uid_map` if that is all."""
    node = _id_map(inputs, "gid_map")
    if node is None:
        return ABSENT
    user: Json = process.user(inputs).value
    others = () if inputs.rootless else user["additionalGids"]  # an ordinary user cannot have any
    _check_covered(node, "gid_map", {0, user["gid"], *others})
    return array(Sourced(entry.plain(), entry.origin) for entry in node.items())


def ranges(inputs: Inputs) -> tuple[list[Json], list[Json]] | None:
    """The maps of users and groups, as {containerID, hostID, size}; None without a user namespace of its own."""
    users, groups = _id_map(inputs, "uid_map"), _id_map(inputs, "gid_map")
    return None if users is None or groups is None else (users.plain(), groups.plain())


def maps_group(inputs: Inputs, gid: int) -> bool:
    """Whether the container has this group: without a map of its own it has every one."""
    node = _id_map(inputs, "gid_map")
    return node is None or machine_ids(_mappings(node), [gid]) != [None]


def _id_map(inputs: Inputs, key: str) -> Node | None:
    """The map that goes with a user namespace of the container's own; `userns_mode: host` undoes it, as in Docker."""
    users = mode(inputs, "user")
    given = [node for node in (inputs.overrides.get(key), inputs.overrides.get(_OTHER[key])) if node is not UNSET]
    if users.value == "host":
        return None
    if users.value.startswith("ns:"):
        if given:
            raise given[0].error(f"{key}: the user namespace at {users.value.removeprefix('ns:')} has its own ids")
        return None
    if not given:
        raise RequestError(
            f"{users.origin.where}: userns_mode: a user namespace needs ids",
            hint="for example uid_map: ['0:100000:65536']",
        )
    return given[0]


def _check_covered(node: Node, key: str, wanted: set[int]) -> None:
    """What the process runs as has to be in the map, and so has root: runtimes set the container up as root."""
    numbers = sorted(wanted)
    ids = machine_ids(_mappings(node), numbers)
    missing = [number for number, machines in zip(numbers, ids, strict=True) if machines is None]
    if missing:
        raise node.error(
            f"{key}: the container needs the id {missing[0]}, which no range maps",
            hint='give it more ranges, such as 1:100000:65535, or the container another user, such as user: "0:0"',
        )


def _mappings(node: Node) -> list[IdMapping]:
    entries = (entry.plain() for entry in node.items())
    return [IdMapping("", entry["containerID"], entry["hostID"], entry["size"]) for entry in entries]
