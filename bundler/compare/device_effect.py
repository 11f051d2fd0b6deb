"""What a list of device rules allows, whatever it is written like: the last rule that is about a device decides."""

from collections.abc import Iterator, Sequence
from typing import Final

from bundler.origins import Json

_KINDS: Final = {"a": ("b", "c"), "b": ("b",), "c": ("c",), "": ("b", "c")}
_ANY: Final = -1  # any number; as a device, any that no rule names
_LETTERS: Final = "rwm"

Device = tuple[str, int, int]


def changed_access(before: Sequence[Json], after: Sequence[Json]) -> Iterator[tuple[str, str, str]]:
    """Where two lists differ: a device (`c 1:3`, `b *:*`), the access letters before, those after."""
    sides = _decisions(before), _decisions(after)
    devices = sorted({*sides[0], *sides[1], *_every_kind()})
    changes = {device: (_letters(sides[0], device), _letters(sides[1], device)) for device in devices}
    for device, (first, second) in changes.items():
        wider = (device[0], device[1], _ANY), (device[0], _ANY, _ANY)
        # What changed for all devices need not be said again of each.
        repeated = any(other != device and changes.get(other) == (first, second) for other in wider)
        if first != second and not repeated:
            kind, major, minor = device
            yield f"{kind} {_number(major)}:{_number(minor)}", first, second


def access(rules: Sequence[Json], device: Device) -> str:
    """The letters of `rwm` that `rules` allow for `device`; without any rule the cgroup keeps none away."""
    return _letters(_decisions(rules), device)


_Decisions = dict[Device, dict[str, tuple[int, bool]]]
"""What the rules about exactly these devices decide of each letter: the number of the last one, and its answer."""


def _decisions(rules: Sequence[Json]) -> _Decisions:
    decided: _Decisions = {}
    for number, rule in enumerate(rules, 1):
        for device in _devices(rule):
            answer = number, bool(rule["allow"])
            decided.setdefault(device, {}).update(dict.fromkeys(rule.get("access") or _LETTERS, answer))
    return decided


def _letters(decided: _Decisions, device: Device) -> str:
    """Of all rules that cover the device, the last one decides."""
    kind, major, minor = device
    covering = {(kind, *numbers) for numbers in ((major, minor), (major, _ANY), (_ANY, minor), (_ANY, _ANY))}
    found = [decided[each] for each in covering if each in decided]
    return "".join(
        letter for letter in _LETTERS if max((each.get(letter, (0, True)) for each in found), default=(0, True))[1]
    )


def _devices(rule: Json) -> list[Device]:
    """The devices a rule is about; an absent number is any."""
    numbers = (rule.get("major", _ANY), rule.get("minor", _ANY))
    if rule.get("type", "a") in ("a", ""):
        numbers = (_ANY, _ANY)  # a rule about all devices has no numbers (cgroups v1, devices.txt)
    return [(kind, *numbers) for kind in _KINDS[rule.get("type", "a")]]


def _every_kind() -> set[Device]:
    return {("b", _ANY, _ANY), ("c", _ANY, _ANY)}


def _number(number: int) -> str:
    return "*" if number == _ANY else str(number)
