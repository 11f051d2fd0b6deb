"""What importers give: an overrides file below all others, whose values say where they were said first."""

from dataclasses import replace

import pytest

from bundler.conversion.convert import convert
from bundler.errors import RequestError
from bundler.origins import Json
from bundler.overrides.coercions import read_keys
from bundler.overrides.imports import Imported, literal, located
from bundler.overrides.load import Overrides, load_one
from tests.support.inputs import inputs

PLACES = {"": "web.json", "/environment/1": "web.json#/0/Config/Env/1", "/cap_add": "web.json#/0/HostConfig/CapAdd"}


def imported(keys: dict[str, Json]) -> Imported:
    root = located(keys, "web.json", PLACES)
    return Imported(root=root, entries=read_keys(root, "web.json"), name="web.json", remarks=("of --rm",))


def stacked(keys: dict[str, Json], *texts: str) -> Overrides:
    overrides = Overrides()
    for number, text in enumerate(texts):
        overrides = overrides.over(load_one(text.encode(), f"{number}.yaml"))
    return overrides.upon([imported(keys)])


def origins(overrides: Overrides) -> dict[str, str]:
    given = replace(inputs(), overrides=overrides)
    return {pointer: str(origin) for pointer, origin in convert(given).origins.items()}


def test_values_come_from_where_they_were_said_first() -> None:
    found = origins(stacked({"environment": ["A=1", "B=2"], "hostname": "web"}))
    assert found["/hostname"] == "overrides web.json"
    assert "overrides web.json#/0/Config/Env/1" in found.values()


def test_what_is_wrong_with_an_import_is_said_with_its_place() -> None:
    with pytest.raises(RequestError, match=r"^web\.json#/0/HostConfig/CapAdd: cap_add"):
        stacked({"cap_add": [["NET_RAW"]]})


def test_an_overrides_file_lies_above_what_was_imported() -> None:
    overrides = stacked(
        {"hostname": "imported", "cap_add": ["BPF", "KILL"]}, "hostname: mine", "cap_add: !override [CHOWN]"
    )
    assert overrides.entries["hostname"].text() == "mine"
    assert overrides.entries["cap_add"].plain() == ["CAP_CHOWN"]


def test_an_overrides_file_unsets_what_was_imported() -> None:
    assert "cap_add" not in stacked({"cap_add": ["NET_RAW"]}, "cap_add: null").entries


def test_remarks_are_kept() -> None:
    assert stacked({}).remarks == ("of --rm",)


@pytest.mark.parametrize("value", ["${image:PATH}", "$${image:PATH}", "a${image:", "$$$"])
def test_a_variable_that_looks_like_a_reference_to_the_image_stays_as_it_is(value: str) -> None:
    overrides = stacked({"environment": [literal(f"A={value}")]})
    assert f"A={value}" in convert(replace(inputs(), overrides=overrides)).document["process"]["env"]
