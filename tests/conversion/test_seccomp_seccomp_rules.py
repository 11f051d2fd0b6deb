"""Small changes to the system call filter."""

from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs
from tests.support.messages import tells


def rules(*texts: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = converted(*texts)["linux"]["seccomp"]["syscalls"]
    return found


def about(name: str, *texts: str) -> list[dict[str, Any]]:
    return [rule for rule in rules(*texts) if name in rule["names"]]


def test_a_rule_stands_in_front() -> None:
    text = "seccomp_rules: [{names: [keyctl], action: SCMP_ACT_ALLOW}]"
    assert rules(text) == [{"names": ["keyctl"], "action": "SCMP_ACT_ALLOW"}, *rules("{}")]


def test_a_rule_takes_the_place_of_all_that_the_filter_said_of_its_calls() -> None:
    text = "seccomp_rules: [{names: [clone3], action: SCMP_ACT_ALLOW}]"
    assert about("clone3", text) == [{"names": ["clone3"], "action": "SCMP_ACT_ALLOW"}]


def test_conditions_and_numbers_are_the_runtime_specs() -> None:
    argument = "{index: 0, value: 16, op: SCMP_CMP_EQ}"
    text = f"seccomp_rules: [{{names: [socket], action: SCMP_ACT_ERRNO, errno: 97, args: [{argument}]}}]"
    expected = {"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}
    assert about("socket", text) == [
        {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97, "args": [expected]}
    ]


def test_a_rule_holds_where_its_capabilities_and_architectures_do() -> None:
    text = "seccomp_rules: [{names: [mount], action: SCMP_ACT_ALLOW, caps: [CAP_SYS_ADMIN], arches: [amd64]}]"
    assert about("mount", text) == []
    assert about("mount", text + "\ncap_add: [SYS_ADMIN]") == [{"names": ["mount"], "action": "SCMP_ACT_ALLOW"}]


def test_a_removed_call_gets_the_default_action() -> None:
    text = "seccomp_rules: [{remove: [ptrace, no_such_call]}]"
    assert about("ptrace", "{}")
    assert about("ptrace", text) == []
    (warning,) = convert(inputs(text)).warnings
    assert tells(warning, "0.yaml:1:17: seccomp_rules: ", "no no_such_call")


def test_rules_of_several_files_are_put_together() -> None:
    added = rules("seccomp_rules: [{names: [a], action: SCMP_ACT_LOG}]", "seccomp_rules: [{remove: [ptrace]}]")
    assert added[0] == {"names": ["a"], "action": "SCMP_ACT_LOG"}
    assert not [rule for rule in added if "ptrace" in rule["names"]]


@pytest.mark.parametrize("text", ["seccomp: unconfined", "privileged: true"])
def test_without_a_filter_there_is_nothing_to_change(text: str) -> None:
    with pytest.raises(RequestError, match="no filter to change"):
        converted(text + "\nseccomp_rules: [{remove: [ptrace]}]")


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("amd64", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
        ("arm64", ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]),
        ("s390x", ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"]),
        ("riscv64", ["SCMP_ARCH_RISCV64"]),
        ("ppc64le", None),
    ],
)
def test_the_filter_is_for_the_image_s_architecture(architecture: str, expected: list[str] | None) -> None:
    found = converted("{}", architecture=architecture)["linux"]["seccomp"].get("architectures")
    assert found == expected
