"""What no runtime would start is refused, and whoever set it is named."""

from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.errors import RequestError
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.runtime_spec.validity import STARTABLE, malformed, unknown_names
from tests.support.inputs import converted, inputs
from tests.support.messages import tells

REFUSED = {
    "a propagation that does not exist": (
        "spec:\n  linux:\n    rootfsPropagation: sideways",
        "0.yaml:3:24: config.json/linux/rootfsPropagation: ",
        "sideways",
    ),
    "a number where text belongs": (
        "spec: {linux: {sysctl: {net.core.somaxconn: 1}}}",
        "0.yaml:1:45: config.json/linux/sysctl/net.core.somaxconn: ",
        "1 string",
    ),
    "a fraction where a whole number belongs": (
        "spec: {process: {oomScoreAdj: 1.0}}",
        "0.yaml:1:31: config.json/process/oomScoreAdj: ",
        "1.0 integer",
    ),
    "an oom score beyond its range": (
        "spec: {process: {oomScoreAdj: 1001}}",
        "0.yaml:1:31: config.json/process/oomScoreAdj: ",
        "1001 1000",
    ),
    "a root without its path": ("spec: {root: {path: null}}", "0.yaml:1:7: config.json/root: ", "path missing"),
    "nothing to run": ("spec: {process: {args: []}}", "0.yaml:1:24: config.json/process/args: ", "nothing"),
    "a relative working directory": (
        "spec: {process: {cwd: srv}}",
        "0.yaml:1:23: config.json/process/cwd: ",
        "absolute",
    ),
    "one namespace twice": (
        "spec: {linux: {namespaces: [{type: uts}, {type: pid}, {type: pid}]}}",
        "0.yaml:1:28: config.json/linux/namespaces/2: ",
        "second pid",
    ),
    "a host name that would be the machine's": (
        "spec: {linux: {namespaces: [{type: pid}]}}",
        "0.yaml:1:7: config.json/hostname: ",
        "uts",
    ),
    "a mount to nowhere": (
        "spec: {mounts: [{type: tmpfs}]}",
        "0.yaml:1:16: config.json/mounts/0: ",
        "destination missing",
    ),
    "a bind that would mount nothing": (
        "spec: {mounts: [{destination: /a, type: bind, source: /b}]}",
        "0.yaml:1:16: config.json/mounts/0: ",
        "bind rbind",
    ),
    "a limit above its limit": (
        "spec: {process: {rlimits: [{type: RLIMIT_CORE, soft: 2, hard: 1}]}}",
        "0.yaml:1:27: config.json/process/rlimits/0: ",
        "2 1",
    ),
    "no change as an id": (
        "spec: {process: {user: {uid: 4294967295}}}",
        "0.yaml:1:30: config.json/process/user/uid: ",
        "4294967295",
    ),
    "an id beyond 32 bits": (
        "spec: {process: {user: {gid: 4294967296}}}",
        "0.yaml:1:30: config.json/process/user/gid: ",
        "4294967296 4294967295",
    ),
    "a limit of no kernel": (
        "spec: {process: {rlimits: [{type: RLIMIT_NOPE, soft: 1, hard: 1}]}}",
        "0.yaml:1:27: config.json/process/rlimits/0/type: ",
        "RLIMIT_NOPE",
    ),
    "capabilities that take effect without being permitted": (
        "cap_drop: [ALL]\ncap_add: [KILL, CHOWN]\nspec: {process: {capabilities: {permitted: [CAP_CHOWN]}}}",
        "0.yaml:3:7: config.json/process/capabilities/effective: ",
        "CAP_KILL permitted",
    ),
    "capabilities that are inherited from beyond the bounds": (
        "cap_drop: [ALL]\nspec: {process: {capabilities: {inheritable: [CAP_KILL]}}}",
        "0.yaml:2:46: config.json/process/capabilities/inheritable: ",
        "CAP_KILL bounding",
    ),
    "a kernel parameter of the whole machine": (
        'spec: {linux: {sysctl: {vm.swappiness: "1"}}}',
        "0.yaml:1:40: config.json/linux/sysctl/vm.swappiness: ",
        "vm.swappiness machine",
    ),
    "a kernel parameter that takes a namespace": (
        'ipc: host\nspec: {linux: {sysctl: {kernel/msgmax: "65536"}}}',
        "0.yaml:2:40: config.json/linux/sysctl/kernel~1msgmax: ",
        "kernel/msgmax ipc",
    ),
    "less swap than memory": (
        "spec: {linux: {resources: {memory: {limit: 100, swap: 50}}}}",
        "0.yaml:1:55: config.json/linux/resources/memory/swap: ",
        "50 100",
    ),
    "a host name that is too long": (
        f"spec: {{hostname: {'ü' * 33}}}",
        "0.yaml:1:18: config.json/hostname: ",
        "64",
    ),
    "ids mapped into nothing": (
        "spec: {linux: {uidMappings: [{containerID: 0, hostID: 1, size: 1}]}}",
        "0.yaml:1:29: config.json/linux/uidMappings: ",
        "user namespace",
    ),
}


@pytest.mark.parametrize(("text", "place", "words"), REFUSED.values(), ids=REFUSED)
def test_what_a_patch_makes_unusable_is_refused_with_its_place(text: str, place: str, words: str) -> None:
    with pytest.raises(RequestError) as refused:
        converted(text)
    assert tells(refused.value.what, place, words)


def test_escapes_in_a_refused_value_do_not_reach_the_terminal() -> None:
    with pytest.raises(RequestError) as refused:
        converted('spec: {linux: {rootfsPropagation: "\\e[31m"}}')
    assert "\x1b" not in refused.value.what


def test_a_name_that_runtimes_pass_by_is_warned_of() -> None:
    (warning,) = convert(inputs("spec: {linux: {maskedPath: []}, annotations: {any.name: x}}")).warnings
    assert tells(warning, "0.yaml:1:7: spec: config.json/linux/maskedPath ", "ignore maskedPaths?")


@pytest.mark.parametrize("text", ["{}", "privileged: true", "ulimits: {core: 0}\nread_only: true\nnetwork_mode: host"])
def test_what_the_rules_write_is_valid(text: str) -> None:
    document = converted(text)
    assert list(malformed(document)) == []
    assert unknown_names(document) == []
    assert [fault for startable in STARTABLE for fault in startable(RuntimeConfig(document))] == []


OVERLAPS: dict[str, tuple[list[tuple[int, int]], bool]] = {
    "side by side": ([(0, 10), (10, 10)], False),
    "one inside the other": ([(0, 10), (5, 1)], True),
    "the later one first": ([(5, 10), (0, 6)], True),
}


@pytest.mark.parametrize(("ranges", "overlapping"), OVERLAPS.values(), ids=OVERLAPS)
def test_ranges_of_ids_do_not_overlap(ranges: list[tuple[int, int]], *, overlapping: bool) -> None:
    mappings = [{"containerID": start, "hostID": start, "size": size} for start, size in ranges]
    linux: dict[str, Any] = {"namespaces": [{"type": "user"}], "uidMappings": mappings}
    found = [fault.what for startable in STARTABLE for fault in startable(RuntimeConfig({"linux": linux}))]
    assert found == (["this range overlaps another one"] if overlapping else [])
