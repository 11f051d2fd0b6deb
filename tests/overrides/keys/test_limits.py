"""Resource limits and other numbers, in the spellings of compose."""

from typing import Any

import pytest

from bundler.errors import RequestError
from tests.support.inputs import overrides


def value(text: str) -> Any:
    ((_, node),) = overrides(text).entries.items()
    return node.plain()


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("memswap_limit: -1", -1),
        ("memswap_limit: '-1'", -1),
        ("memswap_limit: 1g", 1 << 30),
        ("mem_swappiness: '10'", 10),
        ("cpu_shares: '73'", 73),
        ("cpu_rt_runtime: 950ms", 950_000),
        ("cpu_rt_period: 1400us", 1400),
        ("cpu_rt_period: '1400'", 1400),
        ("cpuset: 0-3,8", "0-3,8"),
        ("cpuset: 5", "5"),
        ("hugepages: {2MB: 64m}", {"2MB": 64 << 20}),
        ("tty: 'true'", True),
        ("pids_limit: '-1'", -1),
        ("umask: '0027'", 0o27),
        ("console_size: 24x80", {"height": 24, "width": 80}),
        ("console_size: [24, 80]", {"height": 24, "width": 80}),
        ("init: 'true'", {"path": "/usr/bin/docker-init", "embed": False}),
        ("init: false", False),
        ("init: /usr/bin/tini", {"path": "/usr/bin/tini", "embed": False}),
        ("io_priority: be:4", {"class": "IOPRIO_CLASS_BE", "priority": 4}),
        ("io_priority: idle", {"class": "IOPRIO_CLASS_IDLE", "priority": 0}),
        ("io_priority: {class: RT, priority: 1}", {"class": "IOPRIO_CLASS_RT", "priority": 1}),
        (
            "scheduler: {policy: batch, flags: [reset_on_fork]}",
            {"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        ),
        ("annotations: [a=1, b]", {"a": {"value": "1"}, "b": {"value": ""}}),
        ("annotations: {a: 1.10, b: true}", {"a": {"value": "1.10"}, "b": {"value": "true"}}),
        ("labels: [a=1, b]", {"a": "1", "b": ""}),
        ("hooks: {poststop: [{path: /a/b}]}", {"poststop": [{"path": "/a/b", "args": ["b"]}]}),
        ("ulimits: {core: '-1'}", {"core": {"soft": (1 << 64) - 1, "hard": (1 << 64) - 1}}),
    ],
)
def test_a_spelling_has_its_normal_form(text: str, normal: Any) -> None:
    assert value(text) == normal


@pytest.mark.parametrize(
    ("path", "device"),
    [
        ("/dev/sda", "8:0"),
        ("/dev/sdb2", "8:18"),
        ("/dev/loop3", "7:3"),
        ("/dev/md12", "9:12"),
        ("/dev/sr0", "11:0"),
        ("'253:1'", "253:1"),
        ("'08:01'", "8:1"),
    ],
)
def test_a_block_device_has_its_numbers(path: str, device: str) -> None:
    limits = value(f"blkio_config: {{device_read_bps: [{{path: {path}, rate: 1k}}]}}")
    assert limits == {"device_read_bps": [{"device": device, "rate": 1024}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "blkio_config: {device_read_bps: [{path: /dev/vda, rate: 1}]}",
            "0.yaml:1:41: blkio_config: the numbers of /dev/vda differ",
        ),
        ("blkio_config: {device_read_bps: [{path: /dev/sda16, rate: 1}]}", "differ from machine to machine"),
        ("blkio_config: {weight: 9}", "blkio_config.weight: found 9, expected 0, or 10 to 1000"),
        ("blkio_config: {weight: 1001}", "blkio_config.weight: found 1001, expected 0, or 10 to 1000"),
        ("blkio_config: {weight: x}", "blkio_config.weight: found the text 'x', expected 0, or 10 to 1000"),
        (
            "blkio_config: {device_read_iops: [{path: /dev/sda, rate: 1k}]}",
            "rate: found the text '1k', expected 0 or more",
        ),
        ("cpuset: 3-1", "cpuset: 3-1 is not a range"),
        ("cpuset: 1,,2", "cpuset: '' is not a number"),
        ("cpuset: 0-9000", "cpuset: 0-9000 is not a range below 8192"),
        ("mem_swappiness: 101", "mem_swappiness: found 101, expected -1 to 100"),
        ("oom_score_adj: 2000", "oom_score_adj: found 2000, expected -1000 to 1000"),
        ("oom_score_adj: '2000'", "oom_score_adj: found the text '2000', expected -1000 to 1000"),
        (
            "profile: {id: a, defaults: {process: {oomScoreAdj: 2000}}}",
            "oomScoreAdj: found 2000, expected -1000 to 1000",
        ),
        ("cpu_period: 999", "cpu_period: found 999, expected 0, or 1000 to 1000000"),
        ("cpu_period: '1000001'", "cpu_period: found the text '1000001', expected 0, or 1000 to 1000000"),
        ("cpu_quota: 999", "cpu_quota: found 999, expected 0 and below, or 1000 or more"),
        ("cpu_shares: -1", "cpu_shares: found -1, expected 0 or more"),
        ("pids_limit: '-2'", "pids_limit: found the text '-2', expected -1 or more"),
        ("ulimits: {core: '18446744073709551616'}", "ulimits.core: found the text"),
        ("init: tini", "init: found the text 'tini'"),
        ("init: {path: tini}", "init: a path on the target is absolute"),
        ("hooks: {poststop: [{path: a}]}", "hooks: the path 'a' is not absolute"),
        ("hooks: {poststop: [{path: a/.., embed: true}]}", "hooks: 'a/..' is not the path of a file"),
        ("hooks: {start_container: [{path: a, embed: true}]}", "hooks: start_container runs inside the container"),
        ("umask: 0o27", "umask: found 0o27"),
        ("console_size: 24", "console_size"),
        ("console_size: axb", "console_size: 'axb' is not HEIGHTxWIDTH"),
        ("hugepages: {2mb: 1}", "2mb"),
        ("spec_patch: [{op: add, path: /a}]", "spec_patch: add needs value"),
        ("spec_patch: [{op: move, path: /a}]", "spec_patch: move needs from"),
        ("spec_patch: [{op: frob, path: /a}]", "spec_patch[0].op"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        overrides(text)
    assert message in str(refusal.value)
