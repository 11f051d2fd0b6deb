"""What inspect says of a container is enough to make its config.json again, in every leaf."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.rule import Inputs
from bundler.conversion.target import Target
from bundler.overrides import schema
from bundler.overrides.coercions import read_keys
from bundler.overrides.docker_inspect.fields import FIELDS
from bundler.overrides.imports import ImageSettings, Imported
from bundler.overrides.load import Overrides, load_one
from tests.overrides.docker_inspect.inspected import importer
from tests.support.goldens import cases, inputs, recorded
from tests.support.inspects import fields, inspects
from tests.support.runtime_leaves import differences, leaves

CASES = cases()
GOLDENS = {version: recorded(version) for version in ("20.10.24", "28.5.2")}
INSPECTS = {version: inspects(version) for version in GOLDENS}
# The machine of the newer goldens; the inspects of both versions, and the older goldens, come from one with cgroup v1.
NEWER, OLDER = "newer", "older"
TARGETS = {NEWER: Target(kernel=(6, 1), cgroup="v2", apparmor=True), OLDER: Target(kernel=(6, 18), cgroup="v1")}

UNSAID = {
    "blkio-weight": "the machine has no weights, and dockerd forgot what was asked",
    "blkio-weight-device": "the same",
    "tty-console-size": "inspect of 20.10 does not say it",
    "env-override-image-order": "docker's client takes several -e in the order of chance",
}


def said(version: str) -> list[str]:
    """The cases that a container was started for, and whose inspect says what they are about."""
    answered = [name for name, golden in GOLDENS[version].items() if isinstance(golden, dict)]
    return [name for name in answered if name in INSPECTS[version] and name not in UNSAID]


def imported(version: str, name: str, image: ImageSettings | None = None) -> Imported:
    return importer(INSPECTS[version][name], f"{name}.json")(image)


@cache
def again(version: str, name: str, machine: str, *, knowing_image: bool = True) -> dict[str, Any]:
    """The config.json of an inspected container, which several tests compare with something."""
    given = from_line(name, machine)
    found = imported(version, name, given.image_config if knowing_image else None)
    assert read_keys(found.root, found.name) == found.entries
    return convert(replace(given, overrides=Overrides().upon([found]))).document


def from_line(name: str, machine: str) -> Inputs:
    return replace(_from_line(name), target=TARGETS[machine])


@cache
def _from_line(name: str) -> Inputs:
    return inputs(CASES[name], Target())


@pytest.mark.parametrize("name", [name for name in said("28.5.2") if name != "cgroupns-host"])
def test_config_json_is_dockers_in_every_leaf(name: str) -> None:
    """On the machine of the inspects nobody had to ask for cgroupns-host; there the next test has it."""
    golden = GOLDENS["28.5.2"][name]
    assert isinstance(golden, dict)
    assert differences(golden, leaves(again("28.5.2", name, NEWER), of_docker=False)) == {}


@pytest.mark.parametrize(("version", "name"), [(version, name) for version in INSPECTS for name in said(version)])
def test_inspect_and_the_line_of_docker_run_give_one_config_json(version: str, name: str) -> None:
    assert again(version, name, OLDER) == convert(from_line(name, OLDER)).document


@pytest.mark.parametrize("name", said("28.5.2"))
def test_without_the_image_everything_is_said(name: str) -> None:
    assert again("28.5.2", name, OLDER, knowing_image=False) == again("28.5.2", name, OLDER)


def test_what_the_image_says_itself_is_left_out() -> None:
    image = from_line("default-full", OLDER).image_config
    found = imported("28.5.2", "default-full", image)
    assert found.keys.keys() == {"image", "container_name"}
    assert [remark.partition(":")[0] for remark in found.remarks] == [
        "what volumes hold is not in the file, copy it into the bundle's volumes/"
    ]
    assert imported("28.5.2", "env-remove-image-var", image).keys["environment"][-1] == "GREETING"


@pytest.mark.parametrize("version", INSPECTS)
def test_what_dockerd_writes_when_nothing_was_asked_becomes_nothing(version: str) -> None:
    found = imported(version, "default")
    assert found.keys == {
        "image": "golden/plain:1",
        "entrypoint": [],
        "command": ["sleep", "100000"],
        "container_name": "default",
    }
    assert found.remarks == ()


@pytest.mark.parametrize("version", INSPECTS)
def test_every_recorded_field_is_in_a_row(version: str) -> None:
    assert fields(version) <= FIELDS.keys()


def test_a_row_becomes_one_thing_at_most_and_its_key_is_in_the_schema() -> None:
    for field in FIELDS.values():
        assert sum((bool(field.key), bool(field.reason), field.part is not None)) <= 1, field.path
        assert not field.key or field.key in schema.document()["properties"], field.path


def test_values_come_from_their_place_in_the_file() -> None:
    given = from_line("combo-full-hardened", OLDER)
    overrides = Overrides().upon([imported("28.5.2", "combo-full-hardened")])
    origins = convert(replace(given, overrides=overrides)).origins
    place = "overrides combo-full-hardened.json#/0/HostConfig"
    assert str(origins["/root/readonly"]).startswith(f"{place}/ReadonlyRootfs")
    assert str(origins["/process/rlimits/0"]).startswith(f"{place}/Ulimits")
    env = {pointer: str(origin) for pointer, origin in origins.items() if pointer.startswith("/process/env/")}
    assert "overrides combo-full-hardened.json#/0/Config/Env/1" in env.values()


@pytest.mark.parametrize("name", INSPECTS["28.5.2"])
def test_the_text_is_an_overrides_file_that_says_the_same(name: str) -> None:
    found = imported("28.5.2", name)
    assert load_one(found.text.encode(), "o.yaml").keys() == Overrides().upon([found]).entries.keys()
