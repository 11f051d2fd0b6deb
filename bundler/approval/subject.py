"""What is reviewed: a runtime config beside what it is compared with, and who set its values."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from bundler.approval.call_groups import KNOWN
from bundler.compare.difference import Difference, differences
from bundler.compare.explanation import Explained
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.runtime_spec.effects import naming, without_effect
from bundler.runtime_spec.list_identity import Place
from bundler.runtime_spec.runtime_config import RuntimeConfig


@dataclass(frozen=True)
class Subject:
    """`config` is the bundle's, `compared` as much of it as can be held against `baseline`.

    `setters` are the sources of the values at and below each JSON Pointer; `record` is bundler.json, empty where there
    is none about this config.json.
    """

    config: RuntimeConfig
    compared: RuntimeConfig
    baseline: RuntimeConfig
    setters: Mapping[str, tuple[str, ...]]
    record: Mapping[str, Json]

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """All of them; of system calls, those that no filter names have their own, too."""
        before, after = filters_named(self.baseline, self.compared)
        return tuple(differences(before.document, after.document))

    def under(self, *places: Place) -> tuple[Difference, ...]:
        """The differences at these places and below."""
        return tuple(difference for place in places for difference in self._by_place.get(place, ()))

    def steps(self, *place: str) -> tuple[str, ...]:
        """The steps from a place to what differs right below it, in order."""
        return tuple(
            dict.fromkeys(each.steps[len(place)] for each in self.under(place) if len(each.steps) > len(place))
        )

    def set_by(self, *pointers: str) -> tuple[str, ...]:
        """Who set the values at these JSON Pointers and below."""
        return tuple(dict.fromkeys(setter for pointer in pointers for setter in self.setters.get(pointer, ())))

    @cached_property
    def _by_place(self) -> dict[Place, list[Difference]]:
        """By each place that a difference is at or below, so that thousands of rows find theirs at once."""
        by_place: dict[Place, list[Difference]] = {}
        for difference in self.differences:
            for depth in range(1, len(difference.steps) + 1):
                by_place.setdefault(difference.steps[:depth], []).append(difference)
        return by_place


def setters_of(leaves: Iterable[Explained]) -> dict[str, tuple[str, ...]]:
    """Who set what is at each JSON Pointer and below, in the order of the document."""
    origins_at: dict[str, dict[str, None]] = {}
    for leaf in leaves:
        pointer = leaf.pointer
        origins_at.setdefault(pointer, {})[leaf.origin] = None
        while pointer:
            pointer = pointer.rpartition("/")[0]
            origins_at.setdefault(pointer, {})[leaf.origin] = None
    return {pointer: tuple(origins) for pointer, origins in origins_at.items()}


def filters_named(before: RuntimeConfig, after: RuntimeConfig) -> tuple[RuntimeConfig, RuntimeConfig]:
    """Both with a filter that names every known call, the one without a filter with one that does nothing."""
    filters = [next(config.values("linux", "seccomp"), None) for config in (before, after)]
    first, second = (each if isinstance(each, dict) else None for each in filters)
    if first is None and second is None:
        return before, after
    first = without_effect(second or {}) if first is None else first
    second = without_effect(first) if second is None else second
    return before.with_seccomp(naming(first, KNOWN)), after.with_seccomp(naming(second, KNOWN))
