"""`/linux/resources`: what a container may use up (runtime-spec config-linux.md, control groups)."""

from typing import Final

from bundler.conversion.givens import Givens
from bundler.conversion.part import ABSENT, Part, array, whole
from bundler.origins import UNSET, Origin, Sourced

_LEAST_MEMORY: Final = 6 << 20  # dockerd's own lower bound: less, and a runtime cannot start the process
_CPU_PERIOD: Final = 100_000  # microseconds


def devices(givens: Givens) -> Part:
    """The device rules, in order: the profile's deny-all and its exceptions; a privileged container may use any."""
    rules = givens.profile.items("/linux/resources/devices")
    if givens.overrides.is_true("privileged"):
        origin = givens.overrides.entries["privileged"].origin
        rules = [*rules, Sourced({"allow": True, "access": "rwm"}, origin)]
    return array(rules)


def memory(givens: Givens) -> Part:
    """`mem_limit`; Docker lets a container swap as much again, which the runtime-spec counts together."""
    node = givens.overrides.get("mem_limit")
    if node is UNSET or not isinstance(node.value, int) or node.value == 0:
        return ABSENT
    if node.value < _LEAST_MEMORY:
        raise node.error(f"mem_limit: {node.value} bytes are less than the 6m a container needs to start")
    limit = node.value
    doubled = Origin("bundler", f"twice mem_limit ({node.origin.where})")
    return Part({"limit": limit, "swap": min(2 * limit, (1 << 63) - 1)}, {"/limit": node.origin, "/swap": doubled})


def cpu(givens: Givens) -> Part:
    """`cpus`, as a share of each tenth of a second."""
    node = givens.overrides.get("cpus")
    if node is UNSET or node.value == 0:
        return ABSENT
    return whole({"quota": node.value, "period": _CPU_PERIOD}, node.origin)


def pids(givens: Givens) -> Part:
    """`pids_limit`; Docker writes nothing for 0 and -1, which is no limit."""
    node = givens.overrides.get("pids_limit")
    if node is UNSET or node.value in (0, -1):
        return ABSENT
    return whole({"limit": node.value}, node.origin)
