"""`/linux/resources/memory` and `/cpu`: what dockerd adds, drops and refuses."""

from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.target import Target
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs
from tests.support.messages import tells

V1 = Target(cgroup="v1")
M = 1 << 20


def resources(text: str, target: Target | None = None) -> dict[str, Any]:
    found = converted(text, target=target or Target())["linux"]["resources"]
    return {name: value for name, value in found.items() if name != "devices"}


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("mem_limit: 256m", {"limit": 256 * M, "swap": 512 * M}),
        ("{mem_limit: 256m, memswap_limit: -1}", {"limit": 256 * M}),
        ("{mem_limit: 256m, memswap_limit: 256m}", {"limit": 256 * M, "swap": 256 * M}),
        ("{mem_limit: 256m, memswap_limit: 0}", {"limit": 256 * M, "swap": 512 * M}),
        ("{mem_limit: 512m, mem_reservation: 256m}", {"limit": 512 * M, "reservation": 256 * M, "swap": 1024 * M}),
        ("mem_limit: 9223372036854775807", {"limit": (1 << 63) - 1, "swap": (1 << 63) - 1}),
        ("memory: {check_before_update: true}", {"checkBeforeUpdate": True}),
    ],
)
def test_memory_is_counted_as_dockerd_counts(text: str, memory: dict[str, Any]) -> None:
    assert resources(text) == {"memory": memory}


@pytest.mark.parametrize(
    "text",
    [
        "mem_limit: 0",
        "{mem_limit: -1, mem_reservation: '-1'}",
        "memswap_limit: -1",
        "mem_swappiness: -1",
        "oom_kill_disable: false",
        "cpus: 0",
    ],
)
def test_what_docker_takes_for_unset_leaves_no_trace(text: str) -> None:
    assert resources(text) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mem_limit: 1m", "mem_limit: 1 MiB are less than the 6 MiB"),
        ("mem_reservation: 1m", "less than 6 MiB"),
        ("{mem_limit: 8m, mem_reservation: 9m}", "mem_reservation: more than mem_limit"),
        ("memswap_limit: 1g", "memswap_limit: needs mem_limit"),
        ("{mem_limit: 8m, memswap_limit: 7m}", "memswap_limit: less than mem_limit"),
        ("{cpus: 1, cpu_quota: 25000}", "cpu_quota: conflicts with cpus"),
        ("{cpus: 1, cpu_period: 25000}", "cpu_period: conflicts with cpus"),
        ("{cpu_rt_runtime: 20, cpu_rt_period: 10}", "cpu_rt_runtime: more than cpu_rt_period"),
        ("{cpu_quota: 1000, cpu_burst: 2000}", "cpu_burst: more than cpu_quota"),
    ],
)
def test_what_docker_or_the_kernel_refuses_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        resources(text)
    assert message in refusal.value.what
    assert refusal.value.what.startswith("0.yaml:1:")


def test_cgroup_v2_has_no_swappiness_and_no_oom_killer_switch() -> None:
    done = convert(inputs("{mem_swappiness: 10, oom_kill_disable: true, memory: {kernel: 8m}, net_cls: {class_id: 1}}"))
    assert set(done.document["linux"]["resources"]) == {"devices"}
    assert len(done.warnings) == 4
    assert all("left out" in warning for warning in done.warnings)


def test_cgroup_v1_has_them_and_dockerd_always_writes_the_switch() -> None:
    assert resources("", V1) == {"memory": {"disableOOMKiller": False}}
    both = resources("{mem_limit: 256m, mem_swappiness: 10, oom_kill_disable: true, memory: {kernel_tcp: 9m}}", V1)
    assert both["memory"] == {
        "limit": 256 * M,
        "swap": 512 * M,
        "kernelTCP": 9 * M,
        "swappiness": 10,
        "disableOOMKiller": True,
    }
    network = resources("net_cls: {class_id: 3, priorities: {eth1: 2, eth0: 5}}", V1)["network"]
    assert network == {"classID": 3, "priorities": [{"name": "eth0", "priority": 5}, {"name": "eth1", "priority": 2}]}


def test_without_a_limit_the_oom_killer_is_missed() -> None:
    done = convert(inputs("oom_kill_disable: true", target=V1))
    (warning,) = done.warnings
    assert tells(warning, "0.yaml:1:19: oom_kill_disable: ", "mem_limit machine memory")


@pytest.mark.parametrize(
    ("text", "cpu"),
    [
        ("cpus: 1.5", {"quota": 150_000, "period": 100_000}),
        ("{cpu_quota: 25000, cpu_period: 50000}", {"quota": 25_000, "period": 50_000}),
        ("cpu_quota: -1", {"quota": -1}),
        ("cpu_quota: -5", {"quota": -5}),
        ("{cpu_shares: 512, cpuset: 0-1, cpuset_mems: 0}", {"shares": 512, "cpus": "0-1", "mems": "0"}),
        ("cpu_idle: 0", {"idle": 0}),
        ("{cpus: 1, cpu_burst: 1000}", {"quota": 100_000, "burst": 1000, "period": 100_000}),
    ],
)
def test_processors(text: str, cpu: dict[str, Any]) -> None:
    assert resources(text) == {"cpu": cpu}


def test_real_time_is_for_cgroup_v1() -> None:
    text = "{cpu_rt_runtime: 950ms, cpu_rt_period: 1s}"
    assert resources(text, V1)["cpu"] == {"realtimeRuntime": 950_000, "realtimePeriod": 1_000_000}
    assert resources(text) == {}


def test_the_other_resources() -> None:
    found = resources(
        "{pids_limit: 9, hugepages: {2MB: 64m, 1GB: 0}, rdma: {mlx: {hca_handles: 3}}, unified: {memory.high: 512M},"
        " blkio_config: {weight: 300, leaf_weight: 0, weight_device: [{path: /dev/loop0, weight: 400}]}}"
    )
    assert found == {
        "pids": {"limit": 9},
        "blockIO": {"weight": 300, "weightDevice": [{"major": 7, "minor": 0, "weight": 400}]},
        "hugepageLimits": [{"pageSize": "1GB", "limit": 0}, {"pageSize": "2MB", "limit": 64 * M}],
        "rdma": {"mlx": {"hcaHandles": 3}},
        "unified": {"memory.high": "512M"},
    }


def test_files_of_cgroup_v2_are_refused_for_v1() -> None:
    with pytest.raises(RequestError, match="unified: control groups v1 have no such files"):
        resources("unified: {memory.high: 512M}", V1)
