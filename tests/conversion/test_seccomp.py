"""Docker's seccomp profile, compiled for capabilities, architectures and kernels."""

from collections.abc import Iterable
from typing import Any

import pytest

from bundler.conversion.seccomp import compile_filter
from bundler.errors import RequestError
from bundler.overrides.keys.process import NAMES
from bundler.profiles import load_profile
from tests.support.inputs import converted

PROFILE = load_profile("docker@28")
DEFAULTS = frozenset(item.value for item in PROFILE.items("/process/capabilities"))
# What a capability adds to, or takes from, what a container may call: allowed without a condition on its arguments.
ADDED = {
    "CAP_SYS_ADMIN": "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
    "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd "
    "setdomainname sethostname setns syslog umount umount2 unshare",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_MODULE": "delete_module init_module finit_module",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_RAWIO": "iopl ioperm",
    "CAP_SYS_TIME": "settimeofday stime clock_settime clock_settime64",
    "CAP_SYS_TTY_CONFIG": "vhangup",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYSLOG": "syslog",
    "CAP_BPF": "bpf",
    "CAP_PERFMON": "perf_event_open",
}


def compiled(
    capabilities: Iterable[str] = DEFAULTS, architecture: str = "amd64", kernel: tuple[int, int] = (6, 1)
) -> dict[str, Any]:
    return compile_filter(
        PROFILE.seccomp, architecture=architecture, capabilities=frozenset(capabilities), kernel=kernel
    )


def allowed(seccomp: dict[str, Any]) -> set[str]:
    rules = [rule for rule in seccomp["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule]
    return {name for rule in rules for name in rule["names"]}


@pytest.mark.parametrize("capability", NAMES)
def test_a_capability_opens_the_calls_it_is_for_and_no_other(capability: str) -> None:
    more = allowed(compiled({*DEFAULTS, capability})) - allowed(compiled())
    assert more == set(ADDED.get(capability, "").split())


@pytest.mark.parametrize("capability", sorted(DEFAULTS))
def test_dropping_a_default_closes_chroot_at_the_most(capability: str) -> None:
    closed = allowed(compiled()) - allowed(compiled(DEFAULTS - {capability}))
    assert closed == ({"chroot"} if capability == "CAP_SYS_CHROOT" else set())


def test_sys_admin_lifts_the_restrictions_of_clone() -> None:
    restricted = [rule for rule in compiled()["syscalls"] if rule["names"][0].startswith("clone")]
    assert [(rule["names"], rule.get("errnoRet")) for rule in restricted] == [(["clone"], None), (["clone3"], 38)]
    freed = compiled({*DEFAULTS, "CAP_SYS_ADMIN"})["syscalls"]
    assert [rule for rule in freed if rule["names"] in (["clone"], ["clone3"])] == []


def test_the_filter_of_a_default_container_has_thirteen_rules() -> None:
    assert [len(rule["names"]) for rule in compiled()["syscalls"]] == [361, 3, *[1] * 11]


@pytest.mark.parametrize(
    ("architecture", "architectures", "own_calls"),
    [
        ("amd64", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], {"arch_prctl", "modify_ldt"}),
        # A 32-bit image runs on a 64-bit machine: without its architecture's name the filter would kill it there.
        ("386", ["SCMP_ARCH_X86"], {"modify_ldt"}),
        ("arm", ["SCMP_ARCH_ARM"], {"breakpoint", "cacheflush", "set_tls", "arm_fadvise64_64", "arm_sync_file_range"}),
        (
            "arm64",
            ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
            {"breakpoint", "cacheflush", "set_tls", "arm_fadvise64_64", "arm_sync_file_range"},
        ),
        ("riscv64", ["SCMP_ARCH_RISCV64"], {"riscv_flush_icache"}),
        (
            "s390x",
            ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"],
            {"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr"},
        ),
        ("ppc64le", None, {"swapcontext"}),
    ],
)
def test_an_architecture_has_its_own_calls(
    architecture: str, architectures: list[str] | None, own_calls: set[str]
) -> None:
    seccomp = compiled(architecture=architecture)
    every = {
        name for rule in PROFILE.seccomp["syscalls"] if "arches" in rule.get("includes", {}) for name in rule["names"]
    }
    assert seccomp.get("architectures") == architectures
    assert allowed(seccomp) & (every - {"clone", "sync_file_range2"}) == own_calls


@pytest.mark.parametrize(("architecture", "index"), [("amd64", 0), ("arm64", 0), ("s390x", 1), ("ppc64le", 0)])
def test_the_flags_of_clone_are_where_the_architecture_has_them(architecture: str, index: int) -> None:
    rules = [rule for rule in compiled(architecture=architecture)["syscalls"] if rule["names"] == ["clone"]]
    assert [[argument["index"] for argument in rule["args"]] for rule in rules] == [[index]]


@pytest.mark.parametrize(("kernel", "traced"), [((4, 7), False), ((4, 8), True), ((4, 10), True), ((10, 0), True)])
def test_ptrace_is_for_kernels_where_it_cannot_escape_the_filter(kernel: tuple[int, int], traced: bool) -> None:
    assert ("ptrace" in allowed(compiled(kernel=kernel))) is traced


RULE = {"names": ["mkdir"], "action": "SCMP_ACT_ALLOW"}


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ({}, True),
        ({"includes": {"caps": ["CAP_KILL"]}}, True),
        ({"includes": {"caps": ["CAP_KILL", "CAP_BPF"]}}, False),
        ({"excludes": {"caps": ["CAP_KILL", "CAP_BPF"]}}, False),
        ({"excludes": {"caps": ["CAP_BPF"]}}, True),
        ({"includes": {"arches": ["arm64", "amd64"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"includes": {"minKernel": "6.1"}}, True),
        ({"includes": {"minKernel": "6.10"}}, False),
        ({"excludes": {"minKernel": "6.1"}}, False),
        ({"excludes": {"minKernel": "6.2"}}, True),
        ({"includes": {"caps": ["CAP_KILL"]}, "excludes": {"arches": ["amd64"]}}, False),
        ({"includes": None, "excludes": {}}, True),
    ],
)
def test_a_rule_is_kept_when_every_inclusion_and_no_exclusion_matches(condition: dict[str, Any], kept: bool) -> None:
    conditional = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [RULE | condition]}
    seccomp = compile_filter(conditional, architecture="amd64", capabilities={"CAP_KILL"}, kernel=(6, 1))
    assert seccomp["syscalls"] == ([RULE] if kept else [])


def test_conditions_are_about_the_capabilities_after_adding_and_dropping() -> None:
    assert "reboot" in allowed(converted("cap_add: [SYS_BOOT]")["linux"]["seccomp"])
    assert "chroot" not in allowed(converted("cap_drop: [SYS_CHROOT]")["linux"]["seccomp"])


@pytest.mark.parametrize("overrides", ["privileged: true", "seccomp: unconfined", "security_opt: [seccomp=unconfined]"])
def test_there_is_no_filter_where_none_is_wanted(overrides: str) -> None:
    assert "seccomp" not in converted(overrides)["linux"]


OWN = "seccomp: {defaultAction: SCMP_ACT_ALLOW, syscalls: [{name: reboot, action: SCMP_ACT_ERRNO, errnoRet: 0}]}"


@pytest.mark.parametrize("overrides", [OWN, f"privileged: true\n{OWN}"])
def test_a_filter_of_ones_own_counts_even_for_a_privileged_container(overrides: str) -> None:
    assert converted(overrides)["linux"]["seccomp"] == {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["reboot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}],
    }


@pytest.mark.parametrize(
    ("syscalls", "message"),
    [
        ("syscalls: [{action: SCMP_ACT_ALLOW}]", "a rule has no names"),
        ("syscalls: [{name: a, names: [b], action: SCMP_ACT_ALLOW}]", "a rule has both name 'a' and names"),
        ("architectures: [SCMP_ARCH_X86], archMap: [{architecture: SCMP_ARCH_X86}]", "architectures and archMap"),
    ],
)
def test_a_filter_that_docker_would_refuse_is_refused(syscalls: str, message: str) -> None:
    with pytest.raises(RequestError, match=rf"0\.yaml:1:10: seccomp: {message}"):
        converted(f"seccomp: {{defaultAction: SCMP_ACT_ALLOW, {syscalls}}}")
