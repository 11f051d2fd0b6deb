"""Values that no key can have are refused at their place, before anything is converted."""

from pathlib import Path

import pytest

from bundler.errors import RequestError
from bundler.overrides.keys.namespaces import stated_maps
from bundler.overrides.keys.scalars import parse_duration
from bundler.overrides.load import load
from bundler.overrides.node import Node
from bundler.overrides.yaml_document import parse
from tests.support.messages import tells

MANY = ", ".join(f"'{number}:{number}:1'" for number in range(341))
REFUSED = {
    "a duration in words": ("stop_grace_period: soon", "stop_grace_period", "duration"),
    "a clock's offset in words": ("time_offsets: {monotonic: soon}", "time_offsets.monotonic", "duration"),
    "an offset finer than any": ("time_offsets: {monotonic: 0.1ns}", "time_offsets.monotonic", "nanosecond"),
    "an offset of ages": (f"time_offsets: {{boottime: -{'9' * 18}h}}", "time_offsets.boottime", "63 bits"),
    "more ranges than a map has": (f"uid_map: [{MANY}]", "", "340 341"),
    "ranges that overlap": ("uid_map: ['0:5:10', '9:100:2']", "", "overlaps container"),
    "ranges that overlap outside": ("gid_map: ['0:5:10', '10:14:1']", "", "overlaps machine"),
    "a range of nothing": ("gid_map: ['0:5:0']", "", "0:5:0 empty"),
    "a range in words": ("gid_map: [all]", "", "'all' CONTAINER:HOST:SIZE"),
    "features that are none": ("target: {runtime: runc, features: ./o.yaml.list}", "target.features", "map"),
}


def loaded(folder: Path, text: str) -> None:
    (folder / "o.yaml").write_text(text)
    (folder / "o.yaml.list").write_text("[]")
    load([str(folder / "o.yaml")])


@pytest.mark.parametrize("case", REFUSED)
def test_a_value_beyond_all_is_refused_at_its_place(tmp_path: Path, case: str) -> None:
    text, key, words = REFUSED[case]
    with pytest.raises(RequestError) as refused:
        loaded(tmp_path, text)
    assert tells(refused.value.what, "o.yaml", f":1: {key} {words}")


@pytest.mark.parametrize(("content", "says"), [("", "is empty"), ("FROM debian\nRUN true\n", "Dockerfile")])
def test_a_file_that_is_something_else_is_told_so(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(RequestError) as refused:
        loaded(tmp_path, content)
    assert says in refused.value.what


def test_ranges_of_options_are_those_of_the_keys() -> None:
    assert stated_maps((), ()) == {}
    maps = stated_maps(["0:100000:5", "5:7:1"], ["0:200000:1"])
    assert maps["uid_map"].plain()[1] == {"containerID": 5, "hostID": 7, "size": 1}
    assert maps["gid_map"].plain() == [{"containerID": 0, "hostID": 200000, "size": 1}]
    with pytest.raises(RequestError, match=r"--gid-map: .*'x'"):
        stated_maps((), ["x"])


def test_a_node_is_asked_only_for_what_it_is() -> None:
    """A reader that asks for another form has not looked: a bug, and no message for a user."""

    def node(text: str) -> Node:
        return parse(text.encode(), "o.yaml").entries()["x"]

    for ask in (node("x: 1").text, node("x: {}").text, node("x: a").items, node("x: []").entries):
        with pytest.raises(TypeError, match=r"o\.yaml:1:4"):
            ask()


@pytest.mark.parametrize(
    ("text", "says"), [("soon", "not a duration"), ("1h1", "not a duration"), ("9999999h", "63 bits")]
)
def test_a_duration_that_is_none_is_no_number(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_duration(text)


def test_limits_of_a_deployment_may_say_the_same_in_other_words(tmp_path: Path) -> None:
    limits = "deploy: {resources: {limits: {memory: 20M, cpus: '0.50'}}}"
    loaded(tmp_path, f"{{mem_limit: 20m, cpus: 0.5, {limits}}}")
    with pytest.raises(RequestError, match="mem_limit says otherwise"):
        loaded(tmp_path, f"{{mem_limit: 21m, {limits}}}")
