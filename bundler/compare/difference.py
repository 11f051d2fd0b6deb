"""How two runtime configs differ in what they mean: sets as sets, mounts by destination, filters by their effect."""

from collections.abc import Iterator
from dataclasses import field
from typing import Final

from bundler.compare.marks import Mark, judge
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Json
from bundler.runtime_spec import list_identity
from bundler.runtime_spec.effects import changed_access, changed_actions
from bundler.runtime_spec.list_identity import Place

DEVICE_RULES: Final = ("/linux", "/resources", "/devices")
SECCOMP: Final = ("/linux", "/seccomp")
# Objects whose absence means something of its own: they are not compared member by member with nothing.
_WHOLE: Final = (SECCOMP, ("/process", "/capabilities"))
_EFFECTIVE: Final = ("syscalls", "defaultAction", "defaultErrnoRet")

Change = tuple[Place, Json, Json]


@dataclass(frozen=True, slots=True)
class Difference:
    """One place, its value on either side (UNSET: absent), and what the step from one to the other means.

    `place` is for people; `steps` are the same for programs, who could not take apart what a hostile name is in.
    """

    place: str
    before: Json
    after: Json
    mark: Mark
    reason: str
    steps: Place = field(default=(), compare=False, repr=False)


def differences(before: Json, after: Json) -> list[Difference]:
    """Every difference between two valid runtime configs, in the order of the documents."""
    return [
        Difference(list_identity.shown(place), first, second, *judge(place, first, second), place)
        for place, first, second in _changes((), before, after)
    ]


def _changes(place: Place, before: Json, after: Json) -> Iterator[Change]:
    if _equal(before, after):
        return
    found: list[Change] = []
    if place == DEVICE_RULES:
        found += _accesses(place, before, after)
    elif _comparable(place, before, after, dict):
        found += _members(place, before, after)
    elif _comparable(place, before, after, list) and list_identity.elements(place, []) is not None:
        found += _elements(place, before, after)
    elif type(before) is not type(after) or before != after:
        found.append((place, before, after))
    if not found and UNSET in (before, after):
        found.append((place, before, after))  # absent on one side, empty on the other
    yield from found


def _equal(before: Json, after: Json) -> bool:
    """Whether two values without parts are one; true is not 1. Objects and lists are looked into."""
    return type(before) is type(after) and not isinstance(before, dict | list) and bool(before == after)


def _comparable(place: Place, before: Json, after: Json, kind: type) -> bool:
    """Whether both are of `kind`, or one is and the other absent without that meaning something of its own."""
    sides = [side for side in (before, after) if side is not UNSET]
    alone = len(sides) == 1
    return all(isinstance(side, kind) for side in sides) and not (alone and (place in _WHOLE or place[-1][0] == "["))


def _members(place: Place, before: Json, after: Json) -> Iterator[Change]:
    first, second = ({} if side is UNSET else side for side in (before, after))
    for name in dict.fromkeys((*first, *second)):
        if place == SECCOMP and name in _EFFECTIVE:
            continue
        yield from _changes((*place, list_identity.key(name)), first.get(name, UNSET), second.get(name, UNSET))
    if place == SECCOMP:
        for call, was, becomes in changed_actions(first, second):
            yield (*place, f"[{call}]"), was, becomes


def _elements(place: Place, before: Json, after: Json) -> Iterator[Change]:
    first, second = (list_identity.elements(place, [] if side is UNSET else side) or {} for side in (before, after))
    absent = (0, UNSET)
    for step in dict.fromkeys((*first, *second)):
        yield from _changes((*place, step), first.get(step, absent)[1], second.get(step, absent)[1])


def _accesses(place: Place, before: Json, after: Json) -> Iterator[Change]:
    for device, was, becomes in changed_access(*([] if side is UNSET else side for side in (before, after))):
        yield (*place, f"[{device}]"), was, becomes
