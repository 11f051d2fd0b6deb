"""Rule by rule: what takes whose place, and that it is remembered."""

from dataclasses import replace
from typing import Any

import pytest

from bundler.conversion.convert import RULES, convert
from bundler.conversion.target import Target
from bundler.origins import Origin, setter
from tests.support.inputs import inputs

IMAGE = {
    "Cmd": ["image"],
    "Entrypoint": ["/entry"],
    "Env": ["PATH=/image", "LANG=C"],
    "User": "29",
    "WorkingDir": "/srv",
    "Volumes": {"/data": {}},
    "Labels": {"org.example.a": "1"},
}
APPARMOR = Target(apparmor=True)
CGROUP_V1 = Target(cgroup="v1")


def chain(origin: Origin | None) -> list[str]:
    """`overrides 0.yaml`, `image Cmd`, `profile /process/env/0` ...: who, and where as far as it does not change."""
    found = []
    while origin is not None:
        where = origin.where.partition(":")[0] if origin.source == "overrides" else origin.where.rpartition("#")[2]
        found.append(f"{origin.source} {where.removeprefix('/config/')}")
        origin = origin.beat
    return found


# pointer → overrides files, who set it and whose place that took, the highest first.
BEATS: dict[str, tuple[list[str], str, list[str]]] = {
    "a command": (["command: [a]"], "/process/args/1", ["overrides 0.yaml", "image Cmd"]),
    "an entrypoint": (["entrypoint: [a]"], "/process/args/0", ["overrides 0.yaml", "image Entrypoint", "image Cmd"]),
    "an entrypoint with its command": (
        ["entrypoint: [a]\ncommand: [b]"],
        "/process/args/0",
        ["overrides 0.yaml", "image Entrypoint"],
    ),
    "a second file": (
        ["command: [a]", "command: [b]"],
        "/process/args/1",
        ["overrides 1.yaml", "overrides 0.yaml", "image Cmd"],
    ),
    "the image's path": ([], "/process/env/0", ["image Env/0", "profile /process/env/0"]),
    "a path": (
        ["environment: {PATH: /a}"],
        "/process/env/0",
        ["overrides 0.yaml", "image Env/0", "profile /process/env/0"],
    ),
    "a variable": (["environment: {LANG: de}"], "/process/env/2", ["overrides 0.yaml", "image Env/1"]),
    "the image's directory": ([], "/process/cwd", ["image WorkingDir", "profile /process/cwd"]),
    "a directory": (
        ["working_dir: /a"],
        "/process/cwd",
        ["overrides 0.yaml", "image WorkingDir", "profile /process/cwd"],
    ),
    "a user": (["user: '5'"], "/process/user/uid", ["overrides 0.yaml", "image User"]),
    "a host name": (
        ["name: a\nhostname: b"],
        "/hostname",
        ["overrides 0.yaml", "overrides 0.yaml", "image sha256:"],
    ),
    "an oom score": (
        ["oom_score_adj: 5"],
        "/process/oomScoreAdj",
        ["overrides 0.yaml", "profile /process/oomScoreAdj"],
    ),
    "every capability": (
        ["privileged: true"],
        "/process/capabilities/bounding/0",
        ["overrides 0.yaml", "profile /process/capabilities/0"],
    ),
    "ALL": (
        ["cap_add: [ALL]"],
        "/process/capabilities/bounding/0",
        ["overrides 0.yaml", "profile /process/capabilities/0"],
    ),
    "no capability": (
        ["cap_drop: [ALL]"],
        "/process/capabilities",
        ["overrides 0.yaml", "profile /process/capabilities"],
    ),
    "a set of capabilities": (
        ["capabilities: {bounding: [CHOWN], effective: [CHOWN], permitted: [CHOWN]}"],
        "/process/capabilities/bounding/0",
        ["overrides 0.yaml", "profile /process/capabilities/0"],
    ),
    "a sysctl": (
        ["sysctls: {net.ipv4.ip_unprivileged_port_start: 1024}"],
        "/linux/sysctl/net.ipv4.ip_unprivileged_port_start",
        ["overrides 0.yaml", "profile /linux/sysctl"],
    ),
    "a namespace": (
        ["pid: ns:/proc/1/ns/pid"],
        "/linux/namespaces/3",
        ["overrides 0.yaml", "profile /linux/namespaces/3"],
    ),
    "a filter": (
        ["seccomp: {defaultAction: SCMP_ACT_ALLOW}"],
        "/linux/seccomp",
        ["overrides 0.yaml", "profile /linux/seccomp"],
    ),
    "a volume of the image": (["volumes: [a:/data]"], "/mounts/7", ["overrides 0.yaml", "image Volumes"]),
    "a default mount": (["tmpfs: /dev/shm"], "/mounts/7", ["overrides 0.yaml", "profile /mounts/6"]),
    "a size of shared memory": (["shm_size: 1m"], "/mounts/6", ["overrides 0.yaml", "profile /mounts/6"]),
    "a writable /sys": (["privileged: true"], "/mounts/3", ["overrides 0.yaml", "profile /mounts/3"]),
    "writable cgroups": (["writable_cgroups: true"], "/mounts/4", ["overrides 0.yaml", "profile /mounts/4"]),
    "a file of /etc": (["etc_files: {hosts: bind}"], "/mounts/10", ["overrides 0.yaml", "bundler etc/hosts"]),
    "an untouched file of /etc": ([], "/mounts/10", ["bundler etc/hosts"]),
    "the place of a control group": (
        ["cgroup_parent: /a\ncgroup_path: /b"],
        "/linux/cgroupsPath",
        ["overrides 0.yaml", "overrides 0.yaml"],
    ),
    "an annotation": (
        ["label_policy: spec\nannotations: {org.example.a: '2'}"],
        "/annotations/org.example.a",
        ["overrides 0.yaml", "image Labels"],
    ),
    "a merge patch": (
        ["working_dir: /a\nspec: {process: {cwd: /b}}"],
        "/process/cwd",
        ["overrides 0.yaml", "overrides 0.yaml", "image WorkingDir", "profile /process/cwd"],
    ),
    "a merge patch over a whole": (
        ["spec: {linux: {maskedPaths: []}}"],
        "/linux/maskedPaths",
        ["overrides 0.yaml", "profile /linux/maskedPaths/0"],
    ),
    "a step of a patch": (
        ["spec_patch: [{op: replace, path: /process/cwd, value: /b}]"],
        "/process/cwd",
        ["overrides 0.yaml", "image WorkingDir", "profile /process/cwd"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("texts", "pointer", "expected"), BEATS.values(), ids=BEATS)
def test_what_takes_a_place_remembers_whose_it_was(texts: list[str], pointer: str, expected: list[str]) -> None:
    origins = convert(inputs(*texts, config=IMAGE)).origins
    found = [
        link.partition("sha256:")[0] + ("sha256:" if "sha256:" in link else "")
        for link in chain(setter(origins, pointer))
    ]
    assert found == expected


TARGETED: dict[str, tuple[Target, str, str, list[str]]] = {
    "an AppArmor profile": (
        APPARMOR,
        "apparmor: mine",
        "/process/apparmorProfile",
        ["overrides 0.yaml", "profile /process/apparmorProfile"],
    ),
    "unconfined by privilege": (
        APPARMOR,
        "privileged: true",
        "/process/apparmorProfile",
        ["overrides 0.yaml", "profile /process/apparmorProfile"],
    ),
    "who is killed on cgroup v1": (
        CGROUP_V1,
        "oom_kill_disable: true",
        "/linux/resources/memory/disableOOMKiller",
        ["overrides 0.yaml", "profile /linux/resources/memory/disableOOMKiller"],
    ),
}


@pytest.mark.parametrize(("target", "text", "pointer", "expected"), TARGETED.values(), ids=TARGETED)
def test_on_a_target_that_has_it(target: Target, text: str, pointer: str, expected: list[str]) -> None:
    assert chain(setter(convert(inputs(text, target=target)).origins, pointer)) == expected


# Nothing lies below these: neither profile nor image says anything of them, or they add to what is there.
ALONE = {
    "/process/terminal", "/process/consoleSize", "/process/rlimits", "/process/noNewPrivileges", "/process/scheduler",
    "/process/selinuxLabel", "/process/ioPriority", "/process/execCPUAffinity", "/root", "/hooks", "/linux/uidMappings",
    "/linux/gidMappings", "/linux/devices", "/linux/resources/devices", "/linux/resources/cpu", "/linux/resources/pids",
    "/linux/resources/blockIO", "/linux/resources/hugepageLimits", "/linux/resources/network", "/linux/resources/rdma",
    "/linux/resources/unified", "/linux/rootfsPropagation", "/linux/netDevices", "/linux/maskedPaths",
    "/linux/readonlyPaths", "/linux/mountLabel", "/linux/intelRdt", "/linux/memoryPolicy", "/linux/personality",
    "/linux/timeOffsets",
}  # fmt: skip


def test_every_rule_is_listed_here() -> None:
    listed = [pointer for _, pointer, _ in BEATS.values()] + [pointer for _, _, pointer, _ in TARGETED.values()]
    own = [pointer for pointer, rule in RULES.items() if not isinstance(rule, str)]  # the others are copied alike
    missing = [rule for rule in own if rule not in ALONE and not any(place.startswith(rule) for place in listed)]
    assert missing == []
    assert ALONE - set(RULES) == set()


def test_a_device_is_what_it_is_on_the_target() -> None:
    node = {"type": "b", "major": 254, "minor": 3, "file_mode": 0o660, "uid": 0, "gid": 6}
    found: dict[str, Any] = convert(
        inputs("devices: [/dev/vdx]", target=replace(Target(), devices={"/dev/vdx": node}))
    ).document
    assert found["linux"]["devices"] == [
        {"path": "/dev/vdx", "type": "b", "major": 254, "minor": 3, "fileMode": 0o660, "uid": 0, "gid": 6}
    ]


def test_a_directory_of_devices_is_what_the_target_has_in_it() -> None:
    node = {"type": "c", "major": 116, "minor": 7}
    target = replace(Target(), devices={"/dev/snd/pcmC0D0p": node, "/dev/snd/timer": node})
    document: dict[str, Any] = convert(inputs("devices: ['/dev/snd:/dev/sound:r']", target=target)).document
    assert [device["path"] for device in document["linux"]["devices"]] == ["/dev/sound/pcmC0D0p", "/dev/sound/timer"]
