"""`/linux/resources/memory`: Docker's checks and sums (runtime-spec config-linux.md, memory)."""

from typing import Final

from bundler.conversion.inputs import Givens
from bundler.conversion.rule_result import ABSENT, Part
from bundler.origins import UNSET, Json, Origin, Sourced, beating
from bundler.overrides.node import Node

_LEAST: Final = 6 << 20  # bytes; dockerd's own lower bound: with less, a runtime cannot start the process
_MOST: Final = (1 << 63) - 1
_FURTHER: Final = {
    "kernel": "kernel",
    "kernel_tcp": "kernelTCP",
    "use_hierarchy": "useHierarchy",
    "check_before_update": "checkBeforeUpdate",
}
_OF_V1: Final = ("kernel", "kernel_tcp", "use_hierarchy")


def memory(givens: Givens) -> Part:
    """`mem_limit` and its family, with what dockerd 28 refuses, adds and drops.

    A limit without `memswap_limit` allows as much swap again; the runtime-spec counts both together. Swappiness and
    the OOM killer cannot be set on cgroup v2: dockerd drops them with a warning. On v1 it always writes
    disableOOMKiller. Zero is "not set" to Docker.
    """
    limit, reservation, swap = (_size(givens, key) for key in ("mem_limit", "mem_reservation", "memswap_limit"))
    _check(limit, reservation, swap)
    found: dict[str, Sourced[Json]] = {}
    if limit:
        found["limit"] = Sourced(limit.value, limit.origin)
    if reservation:
        found["reservation"] = Sourced(reservation.value, reservation.origin)
    if limit and not swap:
        doubled = Origin("bundler", f"twice mem_limit ({limit.origin.where})")
        found["swap"] = Sourced(min(2 * _number(limit), _MOST), doubled)
    elif swap and swap.value != -1:
        found["swap"] = Sourced(swap.value, swap.origin)
    dropped = _add_further(givens, found) + _add_of_v1(givens, found)
    if not found:
        return Part(UNSET, warnings=dropped) if dropped else ABSENT
    values = {name: item.value for name, item in found.items()}
    return Part(values, {f"/{name}": item.origin for name, item in found.items()}, dropped)


def _size(givens: Givens, key: str) -> Node | None:
    """A size that is set; dockerd takes 0, and -1 where it means no limit, for not being set."""
    node = givens.overrides.get(key)
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
    if limit and _number(limit) < _LEAST:
        raise limit.error(f"mem_limit: {limit.value} bytes are less than the 6m a container needs to start")
    if reservation and _number(reservation) < _LEAST:
        raise reservation.error(f"mem_reservation: {reservation.value} bytes are less than 6m")
    if limit and reservation and _number(limit) < _number(reservation):
        raise reservation.error("mem_reservation: more than mem_limit")
    if swap and _number(swap) > 0:
        if not limit:
            raise swap.error("memswap_limit: needs mem_limit, since it counts memory and swap together")
        if _number(swap) < _number(limit):
            raise swap.error("memswap_limit: less than mem_limit, which it includes")


def _add_further(givens: Givens, found: dict[str, Sourced[Json]]) -> tuple[str, ...]:
    node = givens.overrides.get("memory")
    entries = {} if node is UNSET else node.entries()
    dropped = []
    for key, name in _FURTHER.items():
        if key not in entries:
            continue
        if key in _OF_V1 and givens.target.cgroup != "v1":
            dropped.append(_only_v1(entries[key], f"memory.{key}"))
        else:
            found[name] = Sourced(entries[key].value, entries[key].origin)
    return tuple(dropped)


def _add_of_v1(givens: Givens, found: dict[str, Sourced[Json]]) -> tuple[str, ...]:
    swappiness, killer = givens.overrides.get("mem_swappiness"), givens.overrides.get("oom_kill_disable")
    set_swappiness = None if swappiness is UNSET or swappiness.value == -1 else swappiness
    if givens.target.cgroup != "v1":
        asked = [(set_swappiness, "mem_swappiness")]
        asked.append((None if killer is UNSET or killer.value is False else killer, "oom_kill_disable"))
        return tuple(_only_v1(node, key) for node, key in asked if node is not None)
    if set_swappiness:
        found["swappiness"] = Sourced(set_swappiness.value, set_swappiness.origin)
    default = givens.profile.get("/linux/resources/memory/disableOOMKiller")
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
