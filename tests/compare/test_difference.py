"""Differences are about what a runtime config means, not how it is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.compare.difference import Difference, differences
from bundler.origins import UNSET
from tests.support.inputs import converted

MIRRORED = {"looser": "tighter", "tighter": "looser", "neutral": "neutral"}


def lines(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [f"{found.place} {found.mark}" for found in differences(before, after)]


def process(**members: Any) -> dict[str, Any]:
    return {"process": members}


def linux(**members: Any) -> dict[str, Any]:
    return {"linux": members}


def mount(*options: str, source: str = "/srv") -> dict[str, Any]:
    return {"mounts": [{"destination": "/a", "type": "bind", "source": source, "options": list(options)}]}


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "a capability more": (
        process(capabilities={"bounding": ["CAP_KILL"]}),
        process(capabilities={"bounding": ["CAP_SYS_ADMIN", "CAP_KILL"]}),
        ["/process/capabilities/bounding[CAP_SYS_ADMIN] looser"],
    ),
    "the runtime's own capabilities": (
        process(capabilities={}),
        process(),
        ["/process/capabilities looser"],
    ),
    "a set in another order": (
        linux(maskedPaths=["/proc/a", "/proc/b"]),
        linux(maskedPaths=["/proc/b", "/proc/a", "/proc/a"]),
        [],
    ),
    "nothing masked": (linux(maskedPaths=["/proc/a"]), linux(), ["/linux/maskedPaths[/proc/a] looser"]),
    "absent against empty": (
        linux(resources={"blockIO": {}}),
        linux(resources={}),
        ["/linux/resources/blockIO neutral"],
    ),
    "no new privileges": (process(), process(noNewPrivileges=True), ["/process/noNewPrivileges tighter"]),
    "a rootfs that stays": ({"root": {}}, {"root": {"readonly": True}}, ["/root/readonly tighter"]),
    "root": (process(user={"uid": 5, "gid": 5}), process(user={"uid": 0, "gid": 5}), ["/process/user/uid looser"]),
    "from one user to another": (process(user={"uid": 5}), process(user={"uid": 6}), ["/process/user/uid neutral"]),
    "a variable by its name": (
        process(env=["A=1", "B=2"]),
        process(env=["B=2", "A=0", "C=3"]),
        ["/process/env[A] neutral", "/process/env[C] neutral"],
    ),
    "arguments in their order": (process(args=["a", "b"]), process(args=["b", "a"]), ["/process/args neutral"]),
    "a shared namespace": (
        linux(namespaces=[{"type": "pid"}, {"type": "ipc"}]),
        linux(namespaces=[{"type": "ipc"}]),
        ["/linux/namespaces[pid] looser"],
    ),
    "another's namespace": (
        linux(namespaces=[{"type": "network"}]),
        linux(namespaces=[{"type": "network", "path": "/proc/1/ns/net"}]),
        ["/linux/namespaces[network]/path looser"],
    ),
    "a mount of the machine's files": ({"mounts": []}, mount("rbind"), ["/mounts[/a] looser"]),
    "a volume of the bundle": ({"mounts": []}, mount("rbind", source="volumes/a"), ["/mounts[/a] neutral"]),
    "a mount that may be written": (mount("rbind", "ro"), mount("rbind"), ["/mounts[/a]/options[ro] looser"]),
    "an option's value": (mount("mode=755"), mount("mode=700"), ["/mounts[/a]/options[mode] neutral"]),
    "a lower limit": (
        process(rlimits=[{"type": "RLIMIT_CORE", "soft": 5, "hard": 9}]),
        process(rlimits=[{"type": "RLIMIT_CORE", "soft": 0, "hard": 9}]),
        ["/process/rlimits[RLIMIT_CORE]/soft tighter"],
    ),
    "a first limit": (
        linux(),
        linux(resources={"pids": {"limit": 10}}),
        ["/linux/resources/pids/limit tighter"],
    ),
    "no limit in words": (
        linux(resources={"pids": {"limit": -1}}),
        linux(resources={"pids": {"limit": 10}}),
        ["/linux/resources/pids/limit tighter"],
    ),
    "unconfined": (
        process(apparmorProfile="docker-default"),
        process(apparmorProfile="unconfined"),
        ["/process/apparmorProfile looser"],
    ),
    "no filter": (linux(seccomp={"defaultAction": "SCMP_ACT_ERRNO"}), linux(), ["/linux/seccomp looser"]),
    "a program outside": ({}, {"hooks": {"poststop": [{"path": "/x"}]}}, ["/hooks/poststop looser"]),
    "a hook of no kind": ({}, {"hooks": {"x": 5}}, ["/hooks/x neutral"]),
    "a note": ({}, {"annotations": {"org.example.a": "1"}}, ["/annotations/org.example.a neutral"]),
    "a note that a runtime acts on": (
        {},
        {"annotations": {"run.oci.handler": "1"}},
        ["/annotations/run.oci.handler looser"],
    ),
    "true is not one": ({"x": True}, {"x": 1}, ["/x neutral"]),
}


@pytest.mark.parametrize(("before", "after", "expected"), CHANGES.values(), ids=CHANGES)
def test_each_change_is_one_line_with_its_mark(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert lines(before, after) == expected


@pytest.mark.parametrize(("before", "after", "expected"), CHANGES.values(), ids=CHANGES)
def test_the_way_back_means_the_opposite(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    there = {(found.place, MIRRORED[found.mark]) for found in differences(before, after)}
    assert there == {(found.place, found.mark) for found in differences(after, before)}


def test_every_looser_and_tighter_has_a_reason() -> None:
    privileged = differences(converted("{}"), converted("privileged: true\nuser: app"))
    assert [found for found in privileged if bool(found.reason) == (found.mark == "neutral")] == []


def test_absent_is_not_null() -> None:
    assert differences({}, {"x": None}) == [Difference("/x", UNSET, None, "neutral", "")]


def test_the_steps_of_a_place_cannot_be_mistaken() -> None:
    (found,) = differences({"mounts": []}, {"mounts": [{"destination": "/a]/options[ro", "type": "tmpfs"}]})
    assert found.steps == ("/mounts", "[/a]/options[ro]")


def test_escapes_in_a_place_are_made_visible() -> None:
    assert [found.place for found in differences({}, {"annotations": {"\x1b[2J": ""}})] == ["/annotations/\\x1b[2J"]


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), DOCUMENTS, max_size=4))
def test_nothing_differs_from_itself(document: dict[str, Any]) -> None:
    assert differences(document, document) == []


@given(DOCUMENTS, DOCUMENTS)
def test_what_is_not_equal_differs(first: Any, second: Any) -> None:
    same = repr(first) == repr(second) or first == second
    assert same or differences({"x": first}, {"x": second})
