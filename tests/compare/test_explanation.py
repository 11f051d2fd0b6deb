"""Where values come from: as recorded, and as far as the defaults tell."""

import json
from typing import Any

import pytest

from bundler.bundles.contents import record
from bundler.bundles.write import encode
from bundler.compare.explanation import UNKNOWN, Explained, below, explain_by_defaults, explain_recorded
from bundler.conversion.convert import convert, default_config
from bundler.conversion.target import Target
from bundler.errors import RequestError
from bundler.profiles import load_profile
from tests.support.inputs import inputs


def explained(*texts: str) -> dict[str, Explained]:
    """The explanation of a bundle that these overrides files make, by pointer, through its bundler.json."""
    given = inputs(*texts)
    runtime_config = convert(given)
    recorded = json.loads(encode(record(given, runtime_config, b"", [])))
    return {leaf.pointer: leaf for leaf in explain_recorded(runtime_config.document, recorded)}


def test_every_leaf_has_somebody_who_set_it() -> None:
    assert [
        leaf
        for leaf in explained("read_only: true\nspec: {linux: {intelRdt: {closID: a}}}").values()
        if leaf.origin == UNKNOWN
    ] == []


def test_a_value_remembers_all_it_beat() -> None:
    path = explained("environment: {PATH: /a}", "environment: {PATH: /b}")["/process/env/0"]
    assert path.value == "PATH=/b"
    assert path.origin == "overrides 1.yaml:1:21"
    assert path.beat == ("overrides 0.yaml:1:21", "profile docker@28#/process/env/0")


BROKEN_RECORDS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "lists for maps": {"origins": [], "beaten": []},
    "numbers for texts": {"origins": {"/a": 1}, "beaten": {"/a": 2}},
}


@pytest.mark.parametrize("recorded", BROKEN_RECORDS.values(), ids=BROKEN_RECORDS)
def test_a_broken_record_explains_less(recorded: dict[str, Any]) -> None:
    assert [(leaf.pointer, leaf.beat) for leaf in explain_recorded({"a": 1}, recorded)] == [("/a", ())]


def defaults_of(document: dict[str, Any]) -> dict[str, str]:
    return {
        leaf.pointer: leaf.origin for leaf in explain_by_defaults(document, default_config(load_profile(), Target()))
    }


def test_without_a_record_what_the_profile_says_too_is_the_profiles() -> None:
    origins = defaults_of({"process": {"env": ["A=1", "PATH=/bin"], "oomScoreAdj": 0, "noNewPrivileges": True}})
    assert origins == {
        "/process/env/0": UNKNOWN,
        "/process/env/1": UNKNOWN,
        "/process/oomScoreAdj": "profile docker@28#/process/oomScoreAdj",
        "/process/noNewPrivileges": UNKNOWN,
    }


def test_the_order_of_a_set_does_not_hide_the_profile() -> None:
    origins = defaults_of({"linux": {"maskedPaths": ["/mine", "/proc/kcore"]}})
    assert origins == {
        "/linux/maskedPaths/0": UNKNOWN,
        "/linux/maskedPaths/1": "profile docker@28#/linux/maskedPaths/3",
    }


LEAVES = [Explained("/process/env/0", "A=1", "x"), Explained("/process/env/1", "B=1", "x"), Explained("/root", {}, "x")]


@pytest.mark.parametrize(
    ("pointer", "count"),
    [("", 3), ("/", 3), ("/process", 2), ("process/env", 2), ("/process/env/", 2), ("/process/env/1", 1)],
)
def test_a_pointer_names_a_subtree(pointer: str, count: int) -> None:
    assert len(below(LEAVES, pointer)) == count


def test_a_pointer_to_nothing_is_refused_with_the_nearest() -> None:
    with pytest.raises(RequestError) as refused:
        below(LEAVES, "/proces/env")
    assert refused.value.hint == "did you mean /process/env?"


def test_half_of_a_name_is_no_place() -> None:
    with pytest.raises(RequestError):
        below(LEAVES, "/process/en")
