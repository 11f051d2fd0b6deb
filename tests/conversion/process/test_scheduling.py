"""Scheduling, labels, control groups, capabilities, variables: settings that Docker has not, or has in other words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.process.environment import env
from bundler.conversion.target import Target
from bundler.errors import RequestError
from bundler.overrides.load import load
from bundler.overrides.node import Node
from tests.support.inputs import converted, image_config, inputs

HEX = image_config().digest.encoded


def process(*texts: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = converted(*texts, **more)["process"]
    return found


def linux(*texts: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = converted(*texts, **more)["linux"]
    return found


def test_scheduling() -> None:
    found = process(
        "{scheduler: {policy: fifo, priority: 5}, io_priority: 'rt:1', exec_cpu_affinity: {initial: '0', final: '1'}}"
    )
    assert found["scheduler"] == {"policy": "SCHED_FIFO", "priority": 5}
    assert found["ioPriority"] == {"class": "IOPRIO_CLASS_RT", "priority": 1}
    assert found["execCPUAffinity"] == {"initial": "0", "final": "1"}
    assert process("oom_score_adj: -500")["oomScoreAdj"] == -500
    assert process()["oomScoreAdj"] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scheduler: {nice: 1}", "scheduler: policy is missing"),
        ("scheduler: {policy: batch, priority: 1}", "scheduler: priority is for SCHED_FIFO and SCHED_RR"),
        ("scheduler: {policy: batch, runtime: 1}", "scheduler: runtime is for SCHED_DEADLINE"),
        ("memory_policy: {nodes: '0'}", "memory_policy: mode is missing"),
    ],
)
def test_what_the_kernel_refuses_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        converted(text)


def test_a_console_has_a_size_only_with_a_terminal() -> None:
    assert process("{tty: true, console_size: [33, 101]}")["consoleSize"] == {"height": 33, "width": 101}
    assert "consoleSize" not in process("console_size: [33, 101]")


def test_a_umask_belongs_to_the_user() -> None:
    assert process("umask: '0027'")["user"] == {"uid": 0, "gid": 0, "umask": 0o27, "additionalGids": [0, 10]}


def test_selinux_labels_are_the_same_each_time() -> None:
    document = converted("selinux: {type: web_t}")
    user, role, kind, sensitivity, categories = document["process"]["selinuxLabel"].split(":")
    assert (user, role, kind, sensitivity) == ("system_u", "system_r", "web_t", "s0")
    assert document["linux"]["mountLabel"] == f"system_u:object_r:container_file_t:s0:{categories}"
    assert "selinuxLabel" not in process("selinux: {type: web_t, disable: true}")
    assert process("selinux: {process_label: 'a:b:c:s0'}")["selinuxLabel"] == "a:b:c:s0"
    assert process("selinux: {level: 's0:c1,c2'}")["selinuxLabel"] == "system_u:system_r:container_t:s0:c1,c2"


@pytest.mark.parametrize(
    ("text", "manager", "path"),
    [
        ("cgroup_parent: /web", "cgroupfs", f"/web/{HEX}"),
        ("cgroup_parent: web/", "cgroupfs", f"web/{HEX}"),
        ("{cgroup_parent: /web, name: w1}", "cgroupfs", "/web/w1"),
        ("{cgroup_parent: web.slice, name: w1}", "systemd", "web.slice:docker:w1"),
        ("{cgroup_parent: /web, cgroup_path: 'a:b:c'}", "systemd", "a:b:c"),
    ],
)
def test_the_control_groups_path(text: str, manager: str, path: str) -> None:
    assert linux(text, target=Target(cgroup_manager=manager))["cgroupsPath"] == path


def test_systemds_parent_is_a_slice() -> None:
    with pytest.raises(RequestError, match="cgroup_parent: with systemd it is the name of a slice"):
        linux("cgroup_parent: /web", target=Target(cgroup_manager="systemd"))
    assert "cgroupsPath" not in linux()


def test_rdt_and_memory_policy_have_the_specs_words() -> None:
    text = "intel_rdt: {clos_id: x, schemata: ['L3:0=f']}\nmemory_policy: {mode: BIND, nodes: 0, flags: [STATIC_NODES]}"
    found = linux(text)
    assert found["intelRdt"] == {"closID": "x", "schemata": ["L3:0=f"]}
    assert found["memoryPolicy"] == {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}


def test_a_set_of_capabilities_wins_over_adding_and_dropping() -> None:
    text = "{cap_add: [sys_admin], capabilities: {bounding: [KILL], effective: [], permitted: [KILL]}}"
    assert process(text)["capabilities"] == {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"]}
    names = {name for rule in linux(text)["seccomp"]["syscalls"] for name in rule["names"]}
    assert "mount" not in names


def test_ambient_capabilities_are_in_every_set() -> None:
    sets = process("{cap_drop: [ALL], ambient_caps: [net_bind_service]}")["capabilities"]
    kinds = ("bounding", "effective", "inheritable", "permitted", "ambient")
    assert sets == {kind: ["CAP_NET_BIND_SERVICE"] for kind in kinds}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("capabilities: {effective: [SYS_ADMIN]}", "CAP_SYS_ADMIN is in effective, but not in permitted"),
        ("capabilities: {ambient: [KILL]}", "CAP_KILL is in ambient, but not in inheritable"),
        ("capabilities: {ambient: [FROB]}", "CAP_FROB is not a capability"),
    ],
)
def test_sets_that_no_process_can_have_are_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        process(text)


def test_a_value_of_the_image_can_be_extended() -> None:
    config = {"Cmd": ["/bin/true"], "Env": ["PATH=/bin", "A=1"]}
    env = process("environment: {PATH: '/x:${image:PATH}', B: '${image:A}${HOME}'}", config=config)["env"]
    assert env[0] == "PATH=/x:/bin"
    assert env[2:] == ["B=1${HOME}", "A=1"]
    assert process("environment: {PATH: '/x:${image:PATH}'}")["env"][0].startswith("PATH=/x:/usr/local/sbin:")
    with pytest.raises(RequestError, match=r"0.yaml:1:18: environment: the image does not set 'NONE'"):
        process("environment: {A: '${image:NONE}'}")


def test_env_files_lie_below_environment_and_keep_duplicates(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=file\nA=again\nB=file\nC=file\n")
    (tmp_path / "o.yaml").write_text("env_file: a.env\nenvironment: {B: own, C: null}\n")
    entries: dict[str, Node] = dict(load([str(tmp_path / "o.yaml")]).entries)
    asked = inputs(config={"Cmd": ["/bin/true"], "Env": ["A=image", "D=image"]})
    part = env(replace(asked, overrides=replace(asked.overrides, entries=entries)))
    assert isinstance(part.value, list)
    assert part.value[2:] == ["A=file", "A=again", "B=file", "B=own", "D=image"]
