"""What a container has of its own, and what it shares with the machine."""

from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.target import Target
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs
from tests.support.messages import tells

DEFAULT = ["mount", "network", "uts", "pid", "ipc", "cgroup"]


def types(text: str, **more: Any) -> list[str]:
    return [namespace["type"] for namespace in converted(text, **more)["linux"]["namespaces"]]


@pytest.mark.parametrize("kind", ["network", "uts", "pid", "ipc", "cgroup"])
def test_what_is_the_machines_has_no_namespace(kind: str) -> None:
    key = {"network": "network_mode"}.get(kind, kind)
    assert types(f"{key}: host") == [other for other in DEFAULT if other != kind]


@pytest.mark.parametrize(
    ("text", "namespace"),
    [
        ("network_mode: ns:/run/netns/web", {"type": "network", "path": "/run/netns/web"}),
        ("ipc: ns:/proc/7/ns/ipc", {"type": "ipc", "path": "/proc/7/ns/ipc"}),
        ("time: ns:/proc/7/ns/time", {"type": "time", "path": "/proc/7/ns/time"}),
        ("mount_ns: ns:/run/mounts", {"type": "mount", "path": "/run/mounts"}),
        ("userns_mode: ns:/proc/7/ns/user", {"type": "user", "path": "/proc/7/ns/user"}),
    ],
    ids=["network", "ipc", "time", "mount", "user"],
)
def test_a_namespace_can_be_one_at_a_path(text: str, namespace: dict[str, str]) -> None:
    assert namespace in converted(text)["linux"]["namespaces"]


def test_they_stand_in_dockers_order() -> None:
    text = "time: private\nuid_map: ['0:100000:65536']"
    assert types(text) == ["mount", "network", "time", "uts", "pid", "ipc", "user", "cgroup"]


def test_docker_s_default_network_is_the_container_s_own_until_a_hook_connects_it() -> None:
    config = convert(inputs("network_mode: default"))
    assert {"type": "network"} in config.document["linux"]["namespaces"]
    (warning,) = config.warnings
    assert tells(warning, "0.yaml:1:15: network_mode: ", "lo hook")


@pytest.mark.parametrize("text", ["networks: [front]", "ports: ['80:80']", "expose: ['80']"])
@pytest.mark.parametrize("mode", ["", "network_mode: private\n", "network_mode: default\n"])
def test_what_needs_a_network_is_said_to_have_none_and_what_makes_one(mode: str, text: str) -> None:
    warning = convert(inputs(mode + text)).warnings[-1]
    assert f"{text.partition(':')[0]}: has no effect since nothing connects the container" in warning
    assert "write network_mode: bridge, or build with --network bridge" in warning


@pytest.mark.parametrize("mode", ["host", "none", "ns:/run/netns/a"])
def test_ports_have_no_effect_in_a_network_that_was_chosen(mode: str) -> None:
    warnings = convert(inputs(f"network_mode: {mode}\nports: ['80:80']")).warnings
    assert f"0.yaml:2:8: ports: has no effect with network_mode: {mode}" in warnings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ipc: container:db", "ipc: container:db is known to a daemon only"),
        ("network_mode: service:db", "network_mode: service:db is known to a daemon only"),
        ("pid: none", "pid: 'none' is no namespace"),
        ("uts: ns:relative", "uts: 'ns:relative' is no namespace"),
        ("network_mode: 'a b'", "network_mode: 'a b' is no network"),
        ("userns_mode: keep-id:uid=5", "depends on the machine and the user that build"),
        ("userns_mode: private", "a user namespace needs ids"),
        ("uts: host\nhostname: web", "hostname: conflicts with uts: host"),
        ("uid_map: ['0:1:99']\nprivileged: true", "privileged: incompatible with a user namespace"),
        ("uid_map: ['0:1:99']\npid: host", "pid: the machine's cannot be shared"),
        ("time_offsets: {monotonic: 1h}", "needs a time namespace of the container's own"),
    ],
)
def test_what_docker_refuses_or_nobody_knows_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        converted(text)
    assert message in refused.value.what


def test_who_cannot_share_the_machines_network_is_told_what_connects_another() -> None:
    with pytest.raises(RequestError, match="the machine's cannot be shared") as refused:
        converted("uid_map: ['0:1:99']\nnetwork_mode: host")
    assert "network_mode: bridge" in str(refused.value.hint)


def test_control_groups_v1_are_the_machines_unless_told_otherwise() -> None:
    v1 = Target(cgroup="v1")
    assert "cgroup" not in types("{}", target=v1)
    assert "cgroup" in types("cgroup: private", target=v1)


def test_a_default_that_the_kernel_lacks_is_left_out_and_a_wish_is_refused() -> None:
    old = Target(kernel=(5, 5))
    assert "time" not in types("{}", target=old)
    with pytest.raises(RequestError, match="no time namespaces"):
        converted("time: private", target=old)


def test_a_shared_host_name_is_not_set_and_the_variable_stays_dockers() -> None:
    config = converted("uts: host")
    assert "hostname" not in config
    assert any(entry.startswith("HOSTNAME=") for entry in config["process"]["env"])


def test_offsets_of_clocks_are_seconds_and_nanoseconds() -> None:
    text = "time: private\ntime_offsets: {monotonic: 36h, boottime: -1m0.25s}"
    assert converted(text)["linux"]["timeOffsets"] == {
        "monotonic": {"secs": 129600, "nanosecs": 0},
        "boottime": {"secs": -61, "nanosecs": 750_000_000},
    }


@pytest.mark.parametrize("text", ["personality: LINUX32", "personality: {domain: LINUX32}"])
def test_the_execution_domain_has_a_short_form(text: str) -> None:
    assert converted(text)["linux"]["personality"] == {"domain": "LINUX32"}


def test_network_devices_move_and_are_renamed() -> None:
    text = "net_devices: {eth1: {name: lan0}, eth2: {}}"
    assert converted(text)["linux"]["netDevices"] == {"eth1": {"name": "lan0"}, "eth2": {}}


def test_network_devices_have_nowhere_to_move_on_the_machines_network() -> None:
    with pytest.raises(RequestError, match="nowhere to move them"):
        converted("network_mode: host\nnet_devices: {eth1: {}}")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("network_mode: bridg", "did you mean 'bridge'?"),
        ("network_mode: Host", "did you mean 'host'?"),
        ("network_mode: hook", "did you mean 'hook:NAME'?"),
        ("network_mode: front", "known here: private, none, host, bridge, cni, netns, default, hook:NAME, ns:PATH"),
        ("ipc: sharable", "did you mean 'shareable'?"),
        ("pid: hots", "did you mean 'host'?"),
        ("uts: privat", "did you mean 'private'?"),
        ("cgroup: hosts", "did you mean 'host'?"),
        ("userns_mode: hst", "did you mean 'host'?"),
        ("time: privte", "did you mean 'private'?"),
        ("mount_ns: privately", "did you mean 'private'?"),
        ("restart: alway", "did you mean 'always'?"),
        ("restart: unless_stopped", "did you mean 'unless-stopped'?"),
        ("restart: on-failure:x", "did you mean 'on-failure'?"),
        ("pull_policy: if-not-present", "did you mean 'if_not_present'?"),
        ("isolation: hyper", "did you mean 'hyperv'?"),
        ("stop_signal: SIGTEM", "did you mean 'SIGTERM'?"),
        ("label_policy: saf", "did you mean 'safe'?"),
        ("system_paths: unconfied", "did you mean 'unconfined'?"),
        ("image_volumes: seeds", "did you mean 'seed'?"),
        ("personality: LINUX23", "did you mean 'LINUX32'?"),
        ("rootfs: {devices: creat}", "did you mean 'create'?"),
        ("target: {cgroup: v3}", "known here: v1, v2, auto"),
        ("target: {cgroup_manager: system}", "did you mean 'systemd'?"),
        ("volumes: [{type: bindd, source: /a, target: /b}]", "did you mean 'bind'?"),
    ],
)
def test_a_word_that_is_none_is_told_the_nearest(text: str, hint: str) -> None:
    with pytest.raises(RequestError) as refused:
        convert(inputs(text))
    assert refused.value.hint == hint
