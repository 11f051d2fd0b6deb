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
    devices = sorted({device for rule in (*before, *after) for device in _devices(rule)} | _every_kind())
    changes = {device: (access(before, device), access(after, device)) for device in devices}
    for device, (first, second) in changes.items():
        wider = (device[0], device[1], _ANY), (device[0], _ANY, _ANY)
        # What changed for all devices need not be said again of each.
        repeated = any(other != device and changes.get(other) == (first, second) for other in wider)
        if first != second and not repeated:
            kind, major, minor = device
            yield f"{kind} {_number(major)}:{_number(minor)}", first, second


def access(rules: Sequence[Json], device: Device) -> str:
    """The letters of `rwm` that `rules` allow for `device`; without any rule the cgroup keeps none away."""
    allowed = dict.fromkeys(_LETTERS, True)
    for rule in rules:
        if any(_covers(covering, device) for covering in _devices(rule)):
            allowed |= dict.fromkeys(rule.get("access") or _LETTERS, bool(rule["allow"]))
    return "".join(letter for letter in _LETTERS if allowed[letter])


def _devices(rule: Json) -> list[Device]:
    """The devices a rule is about; an absent number is any."""
    numbers = (rule.get("major", _ANY), rule.get("minor", _ANY))
    if rule.get("type", "a") in ("a", ""):
        numbers = (_ANY, _ANY)  # a rule about all devices has no numbers (cgroups v1, devices.txt)
    return [(kind, *numbers) for kind in _KINDS[rule.get("type", "a")]]


def _every_kind() -> set[Device]:
    return {("b", _ANY, _ANY), ("c", _ANY, _ANY)}


def _covers(rule: Device, device: Device) -> bool:
    return rule[0] == device[0] and rule[1] in (_ANY, device[1]) and rule[2] in (_ANY, device[2])


def _number(number: int) -> str:
    return "*" if number == _ANY else str(number)
