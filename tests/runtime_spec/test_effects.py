"""Device rules and seccomp filters are compared by what they do."""

from typing import Any

import pytest

from bundler.conversion.convert import default_config
from bundler.conversion.target import Target
from bundler.profiles import load_profile
from bundler.runtime_spec.effects import OTHER_CALLS, access, changed_access, changed_actions, naming, without_effect
from bundler.runtime_spec.list_identity import elements
from tests.support.steps import grows_no_faster

RELEASES = ("docker@28", "docker@29")
DENY_ALL = {"allow": False, "access": "rwm"}
NULL = {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}
ALLOW_ALL = {"allow": True, "access": "rwm"}
ALL_OF_MAJOR = {"allow": True, "type": "c", "major": 1, "access": "r"}

DEVICES: dict[str, tuple[list[Any], list[Any], list[tuple[str, str, str]]]] = {
    "one device": ([DENY_ALL], [DENY_ALL, NULL], [("c 1:3", "", "rwm")]),
    "the same rule twice": ([DENY_ALL, NULL], [DENY_ALL, NULL, NULL], []),
    "the same block twice": ([DENY_ALL, NULL], [DENY_ALL, NULL, DENY_ALL, NULL], []),
    "an order that matters": ([DENY_ALL, NULL], [NULL, DENY_ALL], [("c 1:3", "rwm", "")]),
    "everything": ([DENY_ALL, NULL], [DENY_ALL, NULL, ALLOW_ALL], [("b *:*", "", "rwm"), ("c *:*", "", "rwm")]),
    "a kind of device": ([DENY_ALL, NULL], [DENY_ALL, NULL, ALL_OF_MAJOR], [("c 1:*", "", "r")]),
    "fewer letters": ([DENY_ALL, NULL], [DENY_ALL, NULL | {"access": "r"}], [("c 1:3", "rwm", "r")]),
    "no rules": ([], [DENY_ALL], [("b *:*", "rwm", ""), ("c *:*", "rwm", "")]),
}


@pytest.mark.parametrize(("before", "after", "expected"), DEVICES.values(), ids=DEVICES)
def test_device_rules_are_what_they_allow(
    before: list[Any], after: list[Any], expected: list[tuple[str, str, str]]
) -> None:
    assert list(changed_access(before, after)) == expected


def test_the_last_rule_about_a_device_decides() -> None:
    fuse = ("c", 10, 229)
    rules = [DENY_ALL, ALLOW_ALL, {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "w"}]
    assert access(rules, fuse) == "rm"


def socket(*tests: tuple[str, int], action: str = "SCMP_ACT_ALLOW") -> dict[str, Any]:
    rules = [
        {"names": ["socket"], "action": action, "args": [{"index": 0, "op": f"SCMP_CMP_{operator}", "value": value}]}
        for operator, value in tests
    ]
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}


def calls(*names: str, **more: Any) -> dict[str, Any]:
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": list(names), "action": "SCMP_ACT_ALLOW"} | more]}


def masked(value: int) -> dict[str, Any]:
    return calls("clone", args=[{"index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": value, "valueTwo": 0}])


FILTERS: dict[str, tuple[dict[str, Any], dict[str, Any], list[tuple[str, str, str]]]] = {
    "one call more": (calls("read"), calls("write", "read"), [("write", "ERRNO 1", "ALLOW")]),
    "rules in other groups": (
        calls("a", "b"),
        {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": calls("b")["syscalls"] + calls("a")["syscalls"]},
        [],
    ),
    "a condition in other words": (socket(("NE", 40)), socket(("LT", 40), ("GT", 40)), []),
    "one more number kept away": (
        socket(("NE", 40)),
        socket(("LT", 38), ("EQ", 39), ("GT", 40)),
        [("socket arg0 = 38", "ALLOW", "ERRNO 1")],
    ),
    "a range": (socket(("LE", 9)), socket(("LT", 5)), [("socket arg0 = 5..9", "ALLOW", "ERRNO 1")]),
    "up to the end": (socket(), socket(("GE", 3)), [("socket arg0 >= 3", "ERRNO 1", "ALLOW")]),
    "always instead of sometimes": (
        socket(("EQ", 1)),
        calls("socket"),
        [("socket arg0 = 0", "ERRNO 1", "ALLOW"), ("socket arg0 >= 2", "ERRNO 1", "ALLOW")],
    ),
    "a mask": (
        masked(4),
        masked(8),
        [("clone arg0 & 0x4 = 0x0", "ALLOW", "ERRNO 1"), ("clone arg0 & 0x8 = 0x0", "ERRNO 1", "ALLOW")],
    ),
    "without its mask": (masked(4), calls("clone"), [("clone otherwise", "ERRNO 1", "ALLOW")]),
    "another error": (calls("a", action="SCMP_ACT_ERRNO", errnoRet=38), calls(), [("a", "ERRNO 38", "ERRNO 1")]),
    "what is not named": (
        calls("a"),
        calls("a") | {"defaultAction": "SCMP_ACT_LOG"},
        [(OTHER_CALLS, "ERRNO 1", "LOG")],
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), FILTERS.values(), ids=FILTERS)
def test_filters_are_what_they_do(
    before: dict[str, Any], after: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert list(changed_actions(before, after)) == expected
    assert sorted(changed_actions(after, before)) == sorted((call, second, first) for call, first, second in expected)


def test_docker_29_keeps_one_address_family_more_away() -> None:
    filters = (default_config(load_profile(name), Target()).document["linux"]["seccomp"] for name in RELEASES)
    assert list(changed_actions(*filters)) == [("socket arg0 = 38", "ALLOW", "ERRNO 1")]


def filtered(count: int, mask: int) -> dict[str, Any]:
    """As many conditions of one call, on one argument or on two."""
    rules = [
        {
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": number % mask, "value": number, "op": "SCMP_CMP_GE"}],
        }
        for number in range(count)
    ]
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}


@pytest.mark.parametrize("mask", [1, 2], ids=["one argument", "two"])
def test_twice_as_many_conditions_are_twice_the_work(mask: int) -> None:
    def compare(count: int) -> None:
        assert len(list(changed_actions(filtered(count, mask), filtered(count - 1, mask)))) == 1

    assert grows_no_faster(lambda: compare(400), lambda: compare(800), 2)


def test_twice_as_many_device_rules_are_twice_the_work() -> None:
    def compare(count: int) -> None:
        rules = [{"allow": False, "type": "c", "major": number, "minor": 1} for number in range(count)]
        assert len(list(changed_access(rules, rules[1:]))) == 1

    assert grows_no_faster(lambda: compare(200), lambda: compare(400), 2)


def test_twice_as_many_elements_of_one_identity_are_twice_the_work() -> None:
    def name(count: int) -> None:
        mounts = [{"destination": "/a"}] * count
        named = elements(("/mounts",), mounts)
        assert named is not None
        assert len(named) == count

    assert grows_no_faster(lambda: name(200), lambda: name(400), 2)


def test_a_filter_that_names_more_calls_does_the_same() -> None:
    document = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
    }
    assert list(changed_actions(document, naming(document, ["read", "bpf", "mount"]))) == []
    with_rules = naming(document, ["read", "bpf"])
    assert list(changed_actions(with_rules, without_effect(with_rules))) == [
        ("bpf", "ERRNO 38", "ALLOW"),
        (OTHER_CALLS, "ERRNO 38", "ALLOW"),
    ]
