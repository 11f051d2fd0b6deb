"""Namespaces, kernel parameters, resources and what is hidden of /proc and /sys."""

from typing import Any

import pytest

from bundler.conversion.mounts.etc_files import generated_files
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs

OWN_NETWORK = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}


def linux(text: str = "") -> dict[str, Any]:
    found: dict[str, Any] = converted(text)["linux"]
    return found


@pytest.mark.parametrize(
    ("mode", "network", "sysctl", "generated"),
    [
        ("private", [{"type": "network"}], OWN_NETWORK, {"hostname", "hosts", "resolv.conf"}),
        ("none", [{"type": "network"}], OWN_NETWORK, {"hostname", "hosts", "resolv.conf"}),
        ("host", [], None, {"hostname"}),
        ("ns:/run/netns/web", [{"type": "network", "path": "/run/netns/web"}], None, {"hostname"}),
    ],
)
def test_the_network_decides_namespace_parameters_and_files(
    mode: str, network: list[dict[str, str]], sysctl: dict[str, str] | None, generated: set[str]
) -> None:
    text = f"network_mode: {mode}"
    spaces = linux(text)["namespaces"]
    assert [space for space in spaces if space["type"] == "network"] == network
    assert [space["type"] for space in spaces if space["type"] != "network"] == ["mount", "uts", "pid", "ipc", "cgroup"]
    assert linux(text).get("sysctl") == sysctl
    assert generated_files(inputs(text)).keys() == generated


def test_parameters_are_laid_over_dockers() -> None:
    text = "sysctls: {net.ipv4.ip_unprivileged_port_start: 1024, kernel.shm_rmid_forced: 1, fs.mqueue.msg_max: 5}"
    assert linux(text)["sysctl"] == OWN_NETWORK | {
        "net.ipv4.ip_unprivileged_port_start": "1024",
        "kernel.shm_rmid_forced": "1",
        "fs.mqueue.msg_max": "5",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sysctls: {vm.swappiness: 1}", "0.yaml:1:26: sysctls: vm.swappiness belongs to the whole machine"),
        ("sysctls: {kernel.core_pattern: x}", "belongs to the whole machine"),
        ("sysctls: {fs.file-max: 1}", "belongs to the whole machine"),
        ("sysctls: {net: 1}", "belongs to the whole machine"),
        ("sysctls: {net/core/somaxconn: 1}", "belongs to the whole machine"),
        ("sysctls: {kernel/msgmax: 1}", "belongs to the whole machine"),
        ("network_mode: host\nsysctls: [net.core.somaxconn=1]", "would change the network that network_mode: host"),
    ],
)
def test_a_parameter_of_the_whole_machine_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        converted(text)
    assert message in caught.value.what


def test_a_container_sees_little_of_proc_and_sys() -> None:
    assert len(linux()["maskedPaths"]) == 12
    assert linux()["readonlyPaths"] == ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


@pytest.mark.parametrize(
    "text", ["privileged: true", "system_paths: unconfined", "security_opt: [systempaths=unconfined]"]
)
def test_what_is_hidden_can_be_shown(text: str) -> None:
    assert not linux(text).keys() & {"maskedPaths", "readonlyPaths"}


@pytest.mark.parametrize(
    ("text", "writable"),
    [
        ("", set()),
        ("privileged: true", {"/sys", "/sys/fs/cgroup"}),
        ("writable_cgroups: true", {"/sys/fs/cgroup"}),
        ("privileged: true\nwritable_cgroups: false", {"/sys"}),
        ("security_opt: [writable-cgroups]", {"/sys/fs/cgroup"}),
    ],
)
def test_who_may_write_to_sys(text: str, writable: set[str]) -> None:
    found = {mount["destination"] for mount in converted(text)["mounts"] if "ro" not in mount["options"]}
    assert found & {"/sys", "/sys/fs/cgroup"} == writable


def test_a_privileged_container_may_use_every_device_after_the_default_rules() -> None:
    rules, all_rules = linux()["resources"]["devices"], linux("privileged: true")["resources"]["devices"]
    assert all_rules == [*rules, {"allow": True, "access": "rwm"}]
    assert rules[0] == {"allow": False, "access": "rwm"}


@pytest.mark.parametrize(
    ("text", "resources"),
    [
        ("mem_limit: 512m", {"memory": {"limit": 512 << 20, "swap": 1 << 30}}),
        ("mem_limit: 6m", {"memory": {"limit": 6 << 20, "swap": 12 << 20}}),
        ("mem_limit: 9223372036854775807", {"memory": {"limit": 2**63 - 1, "swap": 2**63 - 1}}),
        ("mem_limit: 0", {}),
        ("cpus: 1.5", {"cpu": {"quota": 150_000, "period": 100_000}}),
        ("cpus: 0", {}),
        ("pids_limit: 100", {"pids": {"limit": 100}}),
        ("pids_limit: 0", {}),
        ("pids_limit: -1", {}),
    ],
)
def test_limits_are_docker_s_and_unset_ones_are_left_out(text: str, resources: dict[str, Any]) -> None:
    found = linux(text)["resources"]
    assert {key: found[key] for key in found if key != "devices"} == resources


def test_less_memory_than_a_container_needs_to_start_is_refused() -> None:
    with pytest.raises(RequestError, match=r"0\.yaml:1:12: mem_limit: 1 MiB are less than the 6 MiB"):
        converted("mem_limit: 1m")
