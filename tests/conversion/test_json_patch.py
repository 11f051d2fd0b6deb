"""JSON Patch and `remove`: RFC 6902, with origins that follow the values."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.conversion import json_patch
from bundler.errors import RequestError
from bundler.origins import Origin
from tests.support.inputs import converted, overrides


def patched(document: Any, *steps: dict[str, Any], origins: dict[str, Origin] | None = None) -> Any:
    items = overrides(json.dumps({"spec_patch": steps})).items("spec_patch")
    return json_patch.apply(document, items, {} if origins is None else origins)


# The examples of RFC 6902, appendix A.
@pytest.mark.parametrize(
    ("document", "step", "after"),
    [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"baz": "qux", "foo": "bar"}),
        ({"foo": ["bar", "baz"]}, {"op": "add", "path": "/foo/1", "value": "qux"}, {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, {"op": "remove", "path": "/baz"}, {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, {"op": "remove", "path": "/foo/1"}, {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, {"op": "replace", "path": "/baz", "value": "boo"}, {"baz": "boo"}),
        ({"foo": ["a", "b", "c"]}, {"op": "move", "from": "/foo/0", "path": "/foo/2"}, {"foo": ["b", "c", "a"]}),
        ({"foo": {"w": 1}, "q": {}}, {"op": "move", "from": "/foo/w", "path": "/q/t"}, {"foo": {}, "q": {"t": 1}}),
        ({"foo": ["bar"]}, {"op": "add", "path": "/foo/-", "value": ["abc"]}, {"foo": ["bar", ["abc"]]}),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": 10}, {"/": 9, "~1": 10}),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": 1}, "c": {"b": 1}}),
        (
            {"foo": "bar"},
            {"op": "add", "path": "/child", "value": {"grand": {}}},
            {"foo": "bar", "child": {"grand": {}}},
        ),
        ({"foo": None}, {"op": "replace", "path": "/foo", "value": "x"}, {"foo": "x"}),
    ],
)
def test_a_step_does_what_the_rfc_says(document: Any, step: dict[str, Any], after: Any) -> None:
    before = json.dumps(document)
    assert patched(document, step) == after
    assert json.dumps(document) == before


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"op": "remove", "path": "/b"}, "spec_patch: remove /b: /b is not there"),
        ({"op": "replace", "path": "/b", "value": 1}, "/b is not there"),
        ({"op": "add", "path": "/b/c", "value": 1}, "/b is not there"),
        ({"op": "add", "path": "/a/4", "value": 1}, "/a/4 is beyond the end"),
        ({"op": "add", "path": "/a/01", "value": 1}, "'01' is not an index"),
        ({"op": "remove", "path": "/a/-"}, "/a/3 is not there"),
        ({"op": "add", "path": "/s/x", "value": 1}, "/s is neither a map nor a list"),
        ({"op": "test", "path": "/a/0", "value": 2}, "the value is another one"),
        ({"op": "test", "path": "/a/0", "value": True}, "the value is another one"),
        ({"op": "move", "from": "/m", "path": "/m/x"}, "cannot be moved into itself"),
        ({"op": "copy", "from": "/z", "path": "/m/x"}, "/z is not there"),
        ({"op": "replace", "path": "", "value": {}}, "the whole document"),
    ],
)
def test_a_step_that_cannot_be_done_is_refused(step: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        patched({"a": [1, 2, 3], "s": "x", "m": {}}, step)
    assert refusal.value.what.startswith("0.yaml:1:17: spec_patch: ")
    assert message in refusal.value.what


def test_origins_follow_the_elements_of_a_list() -> None:
    by = {name: Origin("image", name) for name in "abc"}
    origins = {"/l/0": by["a"], "/l/1": by["b"], "/l/2/x": by["c"]}
    patched(
        {"l": ["a", "b", {"x": "c"}]},
        {"op": "add", "path": "/l/1", "value": "new"},
        {"op": "remove", "path": "/l/0"},
        origins=origins,
    )
    assert (origins["/l/1"], origins["/l/2/x"]) == (by["b"], by["c"])
    assert origins["/l/0"].source == "overrides"
    assert set(origins) == {"/l/0", "/l/1", "/l/2/x"}


def test_what_is_replaced_is_remembered() -> None:
    origins = {"/a": Origin("profile", "p")}
    patched({"a": {"b": 1}}, {"op": "replace", "path": "/a/b", "value": 2}, origins=origins)
    assert origins["/a/b"].beat == Origin("profile", "p")


@given(
    document=st.dictionaries(st.sampled_from("ab"), st.lists(st.integers(0, 3), max_size=3)),
    steps=st.lists(
        st.fixed_dictionaries(
            {
                "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
                "path": st.sampled_from(["/a", "/b", "/a/0", "/a/-", "/b/1", "/a/0/x"]),
                "from": st.sampled_from(["/a", "/b", "/a/0", "/b/1"]),
                "value": st.one_of(st.integers(0, 3), st.lists(st.integers(), max_size=2)),
            }
        ),
        max_size=6,
    ),
)
def test_any_patch_is_applied_or_refused(document: Any, steps: list[dict[str, Any]]) -> None:
    origins = {
        f"/{key}/{index}": Origin("image", "x") for key, listed in document.items() for index in range(len(listed))
    }
    try:
        after = patched(document, *steps, origins=origins)
    except RequestError:
        return
    for pointer in origins:
        place = after
        for token in pointer.split("/")[1:]:
            place = place[int(token)] if isinstance(place, list) else place[token]


def test_places_are_removed_last_of_all() -> None:
    document = converted(
        "spec: {linux: {seccomp: {defaultAction: SCMP_ACT_ALLOW}}}\n"
        "remove: [/linux/seccomp, pids_limit, '/nothing?', 'hooks?']\n"
        "pids_limit: 5"
    )
    assert "seccomp" not in document["linux"]
    assert "pids" not in document["linux"]["resources"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/linux/nothing", "0.yaml:1:10: remove: /linux/nothing is not there"),
        ("frobnicate", "remove: 'frobnicate' is no key"),
        ("privileged", "remove: privileged does not stand for one place"),
        ("stop_signal", "remove: stop_signal does not stand for one place"),
    ],
)
def test_what_cannot_be_removed_is_refused(name: str, message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        converted(f"remove: [{name}]")
    assert message in refusal.value.what


@pytest.mark.slow
def test_few_steps_cannot_copy_without_end() -> None:
    steps = [{"op": "copy", "from": "/a", "path": f"/a/{number}"} for number in range(40)]
    with pytest.raises(RequestError, match="copy /a/18: too much is copied"):
        patched({"a": {}}, *steps)
    texts = [{"op": "copy", "from": "/a", "path": f"/b{number}"} for number in range(40)]
    with pytest.raises(RequestError, match="copy /b10: too much is copied"):
        patched({"a": "x" * 100_000}, *texts)
