"""Several overrides files as one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.conversion import merge_patch
from bundler.overrides.load import load_one
from bundler.overrides.merge import merge
from bundler.overrides.node import Node
from tests.support.inputs import overrides


def merged(*texts: str) -> dict[str, Any]:
    return {key: node.plain() for key, node in overrides(*texts).entries.items()}


@pytest.mark.parametrize(
    ("files", "together"),
    [
        (["user: a", "user: b"], {"user": "b"}),
        (["user: a", "user: null"], {}),
        (["user: a", "user: !reset x"], {}),
        (["tty: true", "tty: false"], {"tty": False}),
        (["command: [a, b]", "command: [c]"], {"command": ["c"]}),
        (["environment: {A: '1', B: '2'}", "environment: [B=3, C=4]"], {"environment": {"A": "1", "B": "3", "C": "4"}}),
        (["environment: {A: '1'}", "environment: {A: null}"], {"environment": {"A": None}}),
        (["environment: {A: '1', B: '2'}", "environment: {A: !reset null}"], {"environment": {"B": "2"}}),
        (["environment: {A: '1'}", "environment: !override {B: '2'}"], {"environment": {"B": "2"}}),
        (["environment: {A: '1'}", "environment: !reset null", "environment: {B: '2'}"], {"environment": {"B": "2"}}),
        (["sysctls: {net.a: 1, net.b: 2}", "sysctls: {net.a: null}"], {"sysctls": {"net.b": "2"}}),
        (["sysctls: {net.a: null, net.b: 2}"], {"sysctls": {"net.b": "2"}}),
        (
            ["cap_add: [CHOWN, KILL]", "cap_add: [cap_kill, FOWNER]"],
            {"cap_add": ["CAP_CHOWN", "CAP_KILL", "CAP_FOWNER"]},
        ),
        (["cap_add: [CHOWN]", "cap_add: !override [KILL]"], {"cap_add": ["CAP_KILL"]}),
        (["group_add: [1, 2]", "group_add: ['1', 3]"], {"group_add": ["1", "2", "3"]}),
        (
            ["ulimits: {core: 1, cpu: 2}", "ulimits: {core: 3}"],
            {"ulimits": {"core": {"soft": 3, "hard": 3}, "cpu": {"soft": 2, "hard": 2}}},
        ),
        (["seccomp: docker", "security_opt: [seccomp=unconfined]"], {"seccomp": "unconfined"}),
        (["spec: {a: {b: 1, c: 2}}", "spec: {a: {b: null}}"], {"spec": {"a": {"b": None, "c": 2}}}),
        (["spec: {a: {b: 1}, d: 1}", "spec: {a: !reset null}"], {"spec": {"d": 1}}),
        (["spec: {a: !reset null}"], {"spec": {}}),
        (["spec: {a: {b: 1}}", "spec: !override {c: 1}"], {"spec": {"c": 1}}),
        (["spec: {a: [1]}", "spec: {a: [2]}"], {"spec": {"a": [2]}}),
    ],
    ids=str,
)
def test_files_merge_as_documented(files: list[str], together: dict[str, Any]) -> None:
    assert merged(*files) == together


def test_a_mount_replaces_the_one_at_its_place_where_it_stands() -> None:
    volumes = merged("volumes: [a:/one, b:/two]", "volumes: [c:/one/]")["volumes"]
    assert [(entry["source"], entry["target"]) for entry in volumes] == [("c", "/one"), ("b", "/two")]


def test_a_value_remembers_what_it_took_the_place_of() -> None:
    origin = overrides("user: a", "user: b", "\nuser: c").entries["user"].origin
    assert (origin.where, origin.beat and origin.beat.where) == ("2.yaml:2:7", "1.yaml:1:7")


names = st.sampled_from("abc")
scalars = st.none() | st.booleans() | st.integers(0, 3) | st.just("x") | st.lists(st.integers(0, 2), max_size=2)
patches = st.recursive(
    st.dictionaries(names, scalars, max_size=3),
    lambda inner: st.dictionaries(names, scalars | inner, max_size=3),
    max_leaves=8,
)


def patched(target: Any, node: Node) -> Any:
    return merge_patch.apply(target, node, {})


def spec(patch: dict[str, Any]) -> dict[str, Node]:
    return load_one(json.dumps({"spec": patch}).encode(), "o.yaml")


@given(patches, st.lists(patches, min_size=2, max_size=3))
def test_merged_patches_do_what_they_do_one_after_the_other(
    target: dict[str, Any], files: list[dict[str, Any]]
) -> None:
    one_by_one: Any = target
    together: dict[str, Node] = {}
    for patch in files:
        one_by_one = patched(one_by_one, spec(patch)["spec"])
        together = merge(together, spec(patch))
    assert patched(target, together["spec"]) == one_by_one


words = st.sampled_from(["a", "b", "c"])
files = st.fixed_dictionaries(
    {},
    optional={
        "user": words,
        "command": st.lists(words, max_size=2),
        "cap_add": st.lists(st.sampled_from(("BPF", "KILL", "CHOWN", "ALL")), max_size=3, unique=True),
        "environment": st.dictionaries(words, words | st.none(), max_size=3),
        "group_add": st.lists(words, max_size=3, unique=True),
        "spec": patches,
    },
)


@given(files, files, files)
def test_merging_is_associative(first: Any, second: Any, third: Any) -> None:
    a, b, c = (load_one(json.dumps(file).encode(), "o.yaml") for file in (first, second, third))

    def plain(entries: dict[str, Node]) -> str:
        return json.dumps({key: (node.tag, node.plain()) for key, node in sorted(entries.items())}, sort_keys=True)

    assert plain(merge(merge(a, b), c)) == plain(merge(merge({}, a), merge(b, c)))


@given(files)
def test_merging_with_nothing_changes_nothing(file: Any) -> None:
    read = merge({}, load_one(json.dumps(file).encode(), "o.yaml"))
    assert merge(read, {}) == read == merge({}, read)
