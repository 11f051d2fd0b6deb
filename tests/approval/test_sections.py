"""What a review says of a runtime config: every difference in one row, with words, a verdict and who set it."""

from collections.abc import Callable
from typing import Any

import pytest

from bundler.approval.review import Row, Section, counted, sentence
from bundler.approval.reviewing import sections_of
from bundler.approval.subject import Subject, setters_of
from bundler.compare.explanation import explain_by_defaults
from bundler.conversion.convert import default_config, without_the_images_part
from bundler.conversion.target import Target
from bundler.profiles import load_profile
from bundler.runtime_spec.runtime_config import RuntimeConfig
from tests.support import inputs
from tests.support.steps import grows_no_faster


def converted(*overrides: str) -> dict[str, Any]:
    """config.json of an image without users of its own."""
    return inputs.converted(*overrides, passwd=None, group=None)


DOCKER = default_config(load_profile(), Target())
MOUNT = {"destination": "/a", "type": "bind", "source": "/srv", "options": ["rbind"]}


def subject(document: dict[str, Any], baseline: dict[str, Any] | None = None) -> Subject:
    config = RuntimeConfig(document)
    setters = setters_of(explain_by_defaults(document, DOCKER))
    if baseline is not None:
        return Subject(config, config, RuntimeConfig(baseline), setters, {})
    return Subject(config, without_the_images_part(config), without_the_images_part(DOCKER), setters, {})


def sections(*overrides: str) -> dict[str, Section]:
    return {section.name: section for section in sections_of(subject(converted(*overrides)))}


def rows(name: str, *overrides: str) -> dict[str, Row]:
    return {row.what: row for row in sections(*overrides)[name].rows}


def told(found: tuple[Section, ...]) -> list[str]:
    return sorted(difference.place for section in found for row in section.rows for difference in row.differences)


# The section, the overrides, the row, what it says, what it is compared with, and the verdict.
ROWS: dict[str, tuple[str, str, str, str, str, str]] = {
    "a command": ("process", "command: [a, 'b c']", "command", "a 'b c'", "", "same"),
    "names of variables": ("process", "environment: {PASSWORD: s3cret}", "environment", "PASSWORD", "PATH", "neutral"),
    "root": ("privileges", "{}", "user", "root (0), group 0", "root (0), group 0", "same"),
    "another user": ("privileges", "user: '5:6'", "user", "5, group 6", "root (0), group 0", "tighter"),
    "a capability more": ("privileges", "cap_add: [SYS_TIME]", "CAP_SYS_TIME", "held", "not held", "looser"),
    "fewer": ("privileges", "cap_drop: [KILL]", "capabilities, dropped", "CAP_KILL", "held", "tighter"),
    "none": ("privileges", "cap_drop: [ALL]", "capabilities, dropped", "CAP_CHOWN", "held", "tighter"),
    "no new ones": ("privileges", "no_new_privileges: true", "new privileges", "none can", "can be gained", "tighter"),
    "a read-only root": ("files", "read_only: true", "/", "read-only", "read-write", "tighter"),
    "files of the machine": (
        "files",
        "volumes: ['/srv:/a:ro']",
        "/a",
        "/srv of the machine, read-only",
        "not",
        "looser",
    ),
    "files of the bundle": (
        "files",
        "volumes: ['b:/a']",
        "/a",
        "volumes/b of the bundle, read-write",
        "not",
        "neutral",
    ),
    "memory": ("files", "tmpfs: [/m]", "/m", "in memory, read-write", "not there", "neutral"),
    "a mount less": ("files", "ipc: host", "/dev/shm", "/dev/shm of the machine", "in memory", "looser"),
    "nothing hidden": (
        "files",
        "security_opt: [systempaths=unconfined]",
        "hidden paths, fewer",
        "not hidden",
        "hi",
        "looser",
    ),
    "the machine's network": ("network", "network_mode: host", "network", "the machine's", "its own", "looser"),
    "a parameter of it": (
        "network",
        "sysctls: {net.core.somaxconn: 9}",
        "net.core.somaxconn",
        "9",
        "not set",
        "neutral",
    ),
    "a bridge": ("network", "network_mode: bridge", "connected to", "bundler0", "", "same"),
    "a port": ("network", "{network_mode: bridge, ports: ['127.0.0.1:8:9']}", "port 127.0.0.1:8", "9/tcp", "", "same"),
    "another's pids": ("namespaces", "pid: host", "pid", "the machine's", "its own", "looser"),
    "a place": ("namespaces", "ipc: 'ns:/run/x'", "ipc", "that of /run/x", "its own", "looser"),
    "a device": ("devices", "devices: ['/dev/null:/dev/x:r']", "/dev/x", "c 1:3", "not there", "looser"),
    "every device": ("devices", "privileged: true", "other block devices", "read, write, make", "nothing", "looser"),
    "no filter": (
        "calls",
        "security_opt: [seccomp=unconfined]",
        "kernel modules",
        "allowed: init_module",
        "re",
        "looser",
    ),
    "a call": (
        "calls",
        "seccomp_rules: [{names: [keyctl], action: SCMP_ACT_ALLOW}]",
        "keyring",
        "allowed: keyctl",
        "r",
        "looser",
    ),
    "groups that it refuses": ("calls", "{}", "refused", "kernel modules, restart, BPF, mounts", "", "same"),
    "groups that it refuses in part": ("calls", "{}", "refused in part", "namespaces, other", "", "same"),
    "groups that it allows": ("calls", "{}", "allowed", "root directory, users", "", "same"),
    "a filter": ("calls", "{}", "filter", "a filter", "a filter", "same"),
    "memory's limit": ("limits", "mem_limit: 256m", "memory", "256 MiB", "no limit", "tighter"),
    "processors": ("limits", "cpus: 1.5", "processors", "1.5", "no limit", "tighter"),
    "processes": ("limits", "pids_limit: 7", "processes", "7", "no limit", "tighter"),
    "an rlimit": ("limits", "ulimits: {core: 0}", "RLIMIT_CORE", "0, at most 0", "not set", "tighter"),
    "shares": ("limits", "cpu_shares: 9", "cpu/shares", "9", "not set", "neutral"),
    "a hook": ("outside", "hooks: {poststop: [{path: /x, args: [x, y]}]}", "poststop", "/x y", "none", "looser"),
    "a note": ("outside", "annotations: {a.b: c}", "other annotations", "a.b", "none", "neutral"),
    "what has no words": (
        "others",
        "sysctls: {kernel.msgmax: 9}",
        "/linux/sysctl/kernel.msgmax",
        "9",
        "not",
        "neutral",
    ),
}


@pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)
def test_a_row_says_what_is_so(case: tuple[str, str, str, str, str, str]) -> None:
    section, overrides, what, value, baseline, verdict = case
    row = rows(section, overrides)[what]
    assert value in row.value
    assert row.baseline.startswith(baseline)
    assert row.verdict == verdict
    assert bool(row.reasons) == (verdict in {"looser", "tighter"})


def test_nothing_differs_from_docker() -> None:
    found = sections("{}")
    assert {name: section.verdict for name, section in found.items() if section.verdict != "same"} == {}
    assert "others" not in found


@pytest.mark.parametrize("overrides", [overrides for _, overrides, *_ in ROWS.values()])
def test_every_difference_is_in_one_row(overrides: str) -> None:
    reviewed = subject(converted(overrides))
    assert told(sections_of(reviewed)) == sorted(difference.place for difference in reviewed.differences)


ODD: dict[str, dict[str, Any]] = {
    "nothing at all": {"ociVersion": "1.0.0"},
    "what is empty": {
        "process": {"capabilities": {"bounding": []}, "rlimits": [], "env": []},
        "linux": {"resources": {}},
    },
    "unknown names": {
        "process": {"capabilities": {"x": ["CAP_X"]}},
        "hooks": {"x": 5, "y": [{"path": "/y"}]},
        "new": [1],
    },
    "the same again": {"mounts": [MOUNT, MOUNT, MOUNT | {"options": ["ro"]}], "linux": {"maskedPaths": ["/a", "/a"]}},
    "a name like a place": {"mounts": [MOUNT | {"destination": "/proc]/options[ro"}], "annotations": {"/a[b]": "c"}},
}


@pytest.mark.parametrize("document", ODD.values(), ids=ODD)
def test_every_difference_of_an_odd_config_is_in_one_row(document: dict[str, Any]) -> None:
    for reviewed in (subject(document), subject(converted("{}"), document), subject(document, converted("{}"))):
        assert told(sections_of(reviewed)) == sorted(difference.place for difference in reviewed.differences)


def test_a_review_the_other_way_round_has_every_difference_too() -> None:
    reviewed = subject(converted("{}"), converted("privileged: true\nuser: '5'"))
    assert told(sections_of(reviewed)) == sorted(difference.place for difference in reviewed.differences)
    assert counted(sections_of(reviewed))["looser"] == 1  # the user


def test_no_value_of_a_variable_is_told() -> None:
    found = sections_of(subject(converted("environment: {A: s3cret, PATH: other}"), converted("environment: {A: b}")))
    assert "s3cret" not in repr([section.described() for section in found])


def test_who_set_a_value_is_told() -> None:
    assert rows("privileges", "{}")["capabilities"].set_by[0].startswith("profile docker@28#/process/capabilities")


@pytest.mark.parametrize("kind", ["capabilities", "masked", "hooks", "devices", "annotations", "mounts"])
def test_a_larger_config_takes_as_much_longer(kind: str) -> None:
    def work(count: int) -> Callable[[], object]:
        names = [f"/x{number}" for number in range(count)]
        documents: dict[str, dict[str, Any]] = {
            "capabilities": {"process": {"capabilities": {"bounding": names, "effective": names}}},
            "masked": {"linux": {"maskedPaths": names}},
            "hooks": {"hooks": {name: [{"path": name}] for name in names}},
            "devices": {"linux": {"devices": [{"path": name, "type": "c", "major": 1, "minor": 1} for name in names]}},
            "annotations": {"annotations": {f"run.oci.{name}": name for name in names}},
            "mounts": {"mounts": [MOUNT | {"destination": name} for name in names]},
        }
        return lambda: sections_of(subject(documents[kind]))

    work(1)()  # what is remembered
    assert grows_no_faster(work(60), work(240), times=4)


SENTENCES = {
    "{}": "Nothing differs from it.",
    "cap_add: [BPF]": "2 things are looser than it, none is tighter.",
    "pids_limit: 5": "Nothing is looser than it, 1 is tighter.",
    "{tmpfs: [/a], pid: host}": "1 thing is looser than it, none is tighter, 1 is different otherwise.",
}


@pytest.mark.parametrize(("overrides", "expected"), SENTENCES.items(), ids=SENTENCES)
def test_the_verdict_is_a_sentence(overrides: str, expected: str) -> None:
    assert sentence(counted(sections_of(subject(converted(overrides)))), "it") == expected
