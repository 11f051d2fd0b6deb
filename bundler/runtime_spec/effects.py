"""What lists of device rules and seccomp filters do, whatever they are written like.

Of device rules, the last one that is about a device decides. Of two seccomp filters that differ in their text, both may
do the same with a system call: a rule without conditions decides its call alone. Conditions on one argument are
compared as ranges of numbers, so `arg0 != 40` and `arg0 < 40 or arg0 > 40` are equal; others (masks, several arguments,
very many) by what they say.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from bundler.light_dataclasses import dataclass
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
    deciding = [decided[each] for each in covering if each in decided]
    return "".join(
        letter for letter in _LETTERS if max((each.get(letter, (0, True)) for each in deciding), default=(0, True))[1]
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


_EPERM: Final = 1  # what ERRNO means without a number (config-linux.md, seccomp)
_END: Final = 1 << 64  # arguments have 64 bits
_MOST_RANGES: Final = 200  # rules of one call, of both filters; each range of an argument is held against all of them
OTHER_CALLS: Final = "every other call"

_TESTS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "SCMP_CMP_NE": lambda argument, value: argument != value,
    "SCMP_CMP_LT": lambda argument, value: argument < value,
    "SCMP_CMP_LE": lambda argument, value: argument <= value,
    "SCMP_CMP_EQ": lambda argument, value: argument == value,
    "SCMP_CMP_GE": lambda argument, value: argument >= value,
    "SCMP_CMP_GT": lambda argument, value: argument > value,
}
_SIGNS: Final = {"NE": "!=", "LT": "<", "LE": "<=", "EQ": "=", "GE": ">=", "GT": ">"}


@dataclass(frozen=True, slots=True)
class _Test:
    index: int
    operator: str
    value: int
    value_two: int

    def __str__(self) -> str:
        if self.operator == "SCMP_CMP_MASKED_EQ":
            return f"arg{self.index} & {self.value:#x} = {self.value_two:#x}"
        return f"arg{self.index} {_SIGNS[self.operator.removeprefix('SCMP_CMP_')]} {self.value}"


@dataclass(frozen=True, slots=True)
class _Rule:
    tests: tuple[_Test, ...]
    action: str

    def __str__(self) -> str:
        return ", ".join(sorted(map(str, self.tests)))


def changed_actions(before: Json, after: Json) -> Iterator[tuple[str, str, str]]:
    """Where two filters of valid runtime configs act differently: call and condition, action before, action after."""
    defaults = (_action(before, "defaultAction", "defaultErrnoRet"), _action(after, "defaultAction", "defaultErrnoRet"))
    tables = (_rules_by_call(before), _rules_by_call(after))
    for call in dict.fromkeys((*tables[0], *tables[1])):
        rules = (tables[0].get(call, ()), tables[1].get(call, ()))
        index = _one_argument((*rules[0], *rules[1])) if len(rules[0]) + len(rules[1]) <= _MOST_RANGES else None
        cases = _literal(rules, defaults) if index is None else _ranges(rules, defaults, index)
        for condition, first, second in cases:
            if first != second:
                yield f"{call} {condition}".rstrip(), first, second
    if defaults[0] != defaults[1]:
        yield OTHER_CALLS, *defaults


def naming(document: Json, calls: Iterable[str]) -> dict[str, Json]:
    """The same filter with a rule also for each of `calls` that it does not name, so that it is compared by itself."""
    named = {name for rule in document.get("syscalls") or () for name in rule["names"]}
    unnamed = [call for call in calls if call not in named]
    errno = {"errnoRet": document["defaultErrnoRet"]} if "defaultErrnoRet" in document else {}
    rule = {"names": unnamed, "action": document["defaultAction"], **errno}
    return {**document, "syscalls": [*(document.get("syscalls") or ()), *([rule] if unnamed else ())]}


def without_effect(document: Json) -> dict[str, Json]:
    """A filter that lets every call through, else like `document`: what a config without a filter has."""
    return {**document, "defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}


def _action(rule: Json, name: str, errno: str) -> str:
    action = str(rule[name]).removeprefix("SCMP_ACT_")
    return f"{action} {rule.get(errno, _EPERM)}" if action in ("ERRNO", "TRACE") else action


def _rules_by_call(document: Json) -> dict[str, tuple[_Rule, ...]]:
    found: dict[str, list[_Rule]] = {}
    for rule in document.get("syscalls") or ():
        tests = tuple(
            _Test(test["index"], test["op"], test["value"], test.get("valueTwo", 0)) for test in rule.get("args") or ()
        )
        for name in rule["names"]:
            found.setdefault(name, []).append(_Rule(tests, _action(rule, "action", "errnoRet")))
    return {name: tuple(rules) for name, rules in found.items()}


def _one_argument(rules: Sequence[_Rule]) -> int | None:
    """The argument that all `rules` look at, if it is one and they compare it with numbers."""
    tests = [test for rule in rules for test in rule.tests]
    if any(len(rule.tests) > 1 for rule in rules) or any(test.operator not in _TESTS for test in tests):
        return None
    indexes = {test.index for test in tests} or {0}
    return indexes.pop() if len(indexes) == 1 else None


def _ranges(
    rules: tuple[Sequence[_Rule], Sequence[_Rule]], defaults: tuple[str, str], index: int
) -> Iterator[tuple[str, str, str]]:
    """The actions for each range of the argument, neighbours of the same two actions as one."""
    values = {test.value for side in rules for rule in side for test in rule.tests}
    bounds = sorted({0, _END} | {bound for value in values for bound in (value, value + 1) if bound < _END})
    start = 0
    for low, high in itertools.pairwise(bounds):
        here = tuple(_at(side, default, low) for side, default in zip(rules, defaults, strict=True))
        following = tuple(_at(side, default, high) for side, default in zip(rules, defaults, strict=True))
        if high == _END or following != here:
            yield _range_text(index, start, high), here[0], here[1]
            start = high


def _at(rules: Sequence[_Rule], default: str, argument: int) -> str:
    alone = next((rule.action for rule in rules if not rule.tests), None)
    if alone is not None:
        return alone
    matching = (rule for rule in rules if all(_TESTS[test.operator](argument, test.value) for test in rule.tests))
    return next((rule.action for rule in matching), default)


def _range_text(index: int, low: int, high: int) -> str:
    if high == _END:
        return f"arg{index} >= {low}" if low else ""
    return f"arg{index} = {low}" if high == low + 1 else f"arg{index} = {low}..{high - 1}"


def _literal(
    rules: tuple[Sequence[_Rule], Sequence[_Rule]], defaults: tuple[str, str]
) -> Iterator[tuple[str, str, str]]:
    """The actions for each condition that either side names, and for what is left."""
    before, after = (_by_condition(side) for side in rules)
    otherwise = tuple(actions.get("", default) for actions, default in zip((before, after), defaults, strict=True))
    named = [condition for condition in {**before, **after} if condition]
    for condition in named:
        first, second = (
            actions.get("", actions.get(condition, default))
            for actions, default in zip((before, after), defaults, strict=True)
        )
        yield condition, first, second
    yield "otherwise" if named else "", otherwise[0], otherwise[1]


def _by_condition(rules: Sequence[_Rule]) -> dict[str, str]:
    """The action of the first rule of each condition; that of a rule without one, which overrules all, is at ``."""
    actions: dict[str, str] = {}
    for rule in rules:
        actions.setdefault(str(rule), rule.action)
    return actions
