"""{set, append, prepend, remove} in the place of a list."""

import json
from typing import Any

import jsonschema
import pytest

from bundler.errors import RequestError
from bundler.overrides import schema
from bundler.overrides.load import load_one
from tests.support.inputs import overrides


def merged(*texts: str) -> dict[str, Any]:
    return {key: node.plain() for key, node in overrides(*texts).entries.items()}


@pytest.mark.parametrize(
    ("files", "together"),
    [
        (["command: [a, b]", "command: {append: [c]}"], {"command": ["a", "b", "c"]}),
        (["command: [a, b]", "command: {prepend: [z], remove: [a]}"], {"command": ["z", "b"]}),
        (["command: [a, b]", "command: {set: [x], append: [y]}"], {"command": ["x", "y"]}),
        (["command: [a]", "command: {append: 'b c'}"], {"command": ["a", "b", "c"]}),
        (["command: {append: [a]}"], {"command": ["a"]}),
        (["cap_add: [kill, chown]", "cap_add: {remove: [CAP_KILL]}"], {"cap_add": ["CAP_CHOWN"]}),
        (["cap_add: [kill]", "cap_add: {append: [KILL, chown]}"], {"cap_add": ["CAP_KILL", "CAP_CHOWN"]}),
        (["cap_add: [kill]", "cap_add: {remove: [mknod]}"], {"cap_add": ["CAP_KILL"]}),
        (["group_add: [a, 5]", "group_add: {prepend: [5]}"], {"group_add": ["5", "a"]}),
        (["cap_add: {append: [kill]}", "cap_add: {append: [chown]}"], {"cap_add": ["CAP_KILL", "CAP_CHOWN"]}),
        (["environment: {set: x}"], {"environment": {"set": "x"}}),
        (["security_opt: {append: [no-new-privileges]}"], {"no_new_privileges": True}),
    ],
)
def test_a_list_is_edited(files: list[str], together: dict[str, Any]) -> None:
    assert merged(*files) == together


def test_a_mount_is_removed_by_its_mount_point() -> None:
    left = merged("volumes: [/a:/x, /b:/y]", "volumes: {remove: [/x]}")["volumes"]
    assert [volume["target"] for volume in left] == ["/y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cap_add: {append: null}", "o.yaml:1:19: cap_add.append: found null, expected a list"),
        ("cap_add: {append: {set: [a]}}", "o.yaml:1:19: cap_add.append: found a map, expected a list"),
        ("cap_add: {append: [5]}", "o.yaml:1:20: cap_add.append[0]"),
        ("cap_add: {append: [a], insert: [b]}", "o.yaml:1:10: cap_add: found a map"),
        ("cap_add: {KILL: null}", "o.yaml:1:10: cap_add: found a map, expected a list of capabilities"),
        ("volumes: {data: /data}", "o.yaml:1:10: volumes: found a map, expected a list of"),
        ("cap_add: {}", "o.yaml:1:10: cap_add: found a map"),
        ("tty: {set: true}", "o.yaml:1:6: tty: found a map"),
        ("cap_add: {append: [!override a]}", "has no meaning here"),
        ("security_opt: {remove: [a]}", "o.yaml:1:24: security_opt: options cannot be removed"),
    ],
)
def test_what_is_no_edit_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        load_one(text.encode(), "o.yaml")
    assert message in str(refusal.value)


def test_the_schema_that_editors_get_knows_edits() -> None:
    published = schema.published()
    validator = jsonschema.Draft202012Validator(published)
    validator.check_schema(published)
    assert validator.is_valid({"cap_add": {"append": ["KILL"]}})
    assert validator.is_valid({"cap_add": ["KILL"]})
    assert not validator.is_valid({"cap_add": {"insert": ["KILL"]}})
    assert not validator.is_valid({"tty": {"set": True}})


def test_every_example_of_the_schema_is_accepted() -> None:
    for key, rule in schema.document()["properties"].items():
        for example in rule["examples"]:
            load_one(json.dumps({key: example}).encode(), "o.yaml")
